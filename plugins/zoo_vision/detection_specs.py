"""Detection: specs of models, benchmarks and recipes."""

from zoo.specs import BenchmarkSpec, ImageInput, ModelSpec, RecipeSpec, Weights

_COCO_CLASSES = (
    "person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, stop sign, parking meter, "
    "bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, "
    "frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, "
    "wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, "
    "chair, couch, potted plant, bed, dining table, toilet, tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven, "
    "toaster, sink, refrigerator, book, clock, vase, scissors, teddy bear, hair drier, toothbrush"
)

MODELS: list[ModelSpec] = [
    ModelSpec(
        name="fastestdet",
        summary="FastestDet: anchor-free, one grid of 22x22 cells over a ShuffleNetV2; 244,490 parameters",
        tasks={"detect": "zoo_vision.fastestdet:FastestDet"},
        modality="image",
        config={"classes": 80, "threshold": 0.001, "overlap": 0.45},
        input=ImageInput(channels=3),
        weights={
            "coco": Weights(
                uri="https://github.com/dog-qiuqiu/FastestDet/raw/50473cd155cb088aa4a99e64ff6a4b3c24fa07e1/weights/"
                "weight_AP05:0.253207_280-epoch.pth",
                file="fastestdet_coco_ap05_0.253.pth",
                sha256="7f688d478ee474c82dbdb9c10e0ede2f8f3cf5d603f0825d2efd925eb561d05e",
                licence="BSD-3-Clause",
                source="dog-qiuqiu 2022, FastestDet, 280 epochs of COCO train2017; published AP50 0.253 on val2017",
                classes=tuple(_COCO_CLASSES.split(", ")),
            )
        },
        paper="dog-qiuqiu 2022, FastestDet: anchor-free, ultra lightweight, github.com/dog-qiuqiu/FastestDet",
    ),
]

BENCHMARKS: list[BenchmarkSpec] = []

RECIPES: list[RecipeSpec] = []
