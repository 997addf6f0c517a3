"""Entries of the other kinds: precision, memory, parallel, data."""

from zoo.specs import TechniqueSpec

ZERO = "Rajbhandari, Rasley, Ruwase & He 2020, ZeRO: memory optimizations toward training trillion parameter models, SC20"
TORCHAO = ("torchao>=0.18",)

TECHNIQUES = [
    TechniqueSpec(name="fp32", kind="precision", summary="float32 throughout", target="zoo_training.precisions:Fp32"),
    TechniqueSpec(
        name="bf16",
        kind="precision",
        summary="bfloat16 autocast; parameters stay float32",
        target="zoo_training.precisions:Bf16",
        paper="Kalamkar et al. 2019, A study of BFLOAT16 for deep learning training, arXiv:1905.12322",
    ),
    TechniqueSpec(
        name="fp16",
        kind="precision",
        summary="float16 autocast with a scaled loss; needs a GPU",
        target="zoo_training.precisions:Fp16",
        paper="Micikevicius et al. 2018, Mixed precision training, arXiv:1710.03740",
    ),
    TechniqueSpec(
        name="int8-weight-only",
        kind="precision",
        summary="Of evaluation: weights of dense layers in 8 bits",
        target="zoo_training.int8:Int8WeightOnly",
        requires=TORCHAO,
        paper="Jacob et al. 2018, Quantization and training for integer-arithmetic-only inference, arXiv:1712.05877",
    ),
    TechniqueSpec(
        name="int8-dynamic",
        kind="precision",
        summary="Of evaluation: weights of dense layers, and what these are given, in 8 bits",
        target="zoo_training.int8:Int8Dynamic",
        requires=TORCHAO,
        paper="Dettmers, Lewis, Belkada & Zettlemoyer 2022, LLM.int8(), arXiv:2208.07339, section 2, by rows",
    ),
    TechniqueSpec(
        name="activation-checkpointing",
        kind="memory",
        summary="Blocks keep their inputs alone and are computed again in the backward pass",
        target="zoo_training.memory:ActivationCheckpointing",
        paper="Chen, Xu, Zhang & Guestrin 2016, Training deep nets with sublinear memory cost, arXiv:1604.06174",
    ),
    TechniqueSpec(
        name="gradient-accumulation",
        kind="memory",
        summary="A batch goes through the network in parts, whose gradients add up",
        target="zoo_training.memory:GradientAccumulation",
    ),
    TechniqueSpec(
        name="data-parallel",
        kind="parallel",
        summary="Every process has a share of each batch, and gradients are added up",
        target="zoo_training.parallel:DataParallel",
        paper="Goyal et al. 2017, Accurate, large minibatch SGD, arXiv:1706.02677, section 3",
    ),
    *(
        TechniqueSpec(name=name, kind="parallel", summary=summary, target=target, config=config, paper=ZERO)
        for name, summary, target, config in (
            ("zero-1", "Data parallel; the optimizer's states are divided", "zoo_training.parallel:Zero1", {}),
            ("zero-2", "States and gradients are divided (FSDP2)", "zoo_training.parallel:FullyShard", {"stage": 2}),
            ("zero-3", "States, gradients and parameters are divided (FSDP2)", "zoo_training.parallel:FullyShard", {"stage": 3}),
        )
    ),
    TechniqueSpec(
        name="compile",
        kind="compiler",
        summary="The network's calls compiled into fewer, larger kernels; needs a C++ compiler, or Triton on a GPU",
        target="zoo_training.compiling:Compile",
        paper="Ansel et al. 2024, PyTorch 2, ASPLOS, doi:10.1145/3620665.3640366",
    ),
    TechniqueSpec(
        name="linear-scaling",
        kind="data",
        summary="The learning rate in proportion to the batch size",
        target="zoo_training.scaling:LinearScaling",
        paper="Goyal et al. 2017, Accurate, large minibatch SGD, arXiv:1706.02677",
    ),
    TechniqueSpec(
        name="sqrt-scaling",
        kind="data",
        summary="The learning rate in proportion to the root of the batch size",
        target="zoo_training.scaling:SquareRootScaling",
        excludes=("training/linear-scaling",),
        paper="Krizhevsky 2014, One weird trick for parallelizing convolutional neural networks, arXiv:1404.5997",
    ),
]
