"""Specs of what draws images: the metrics that compare drawn to real ones in a named feature space, models and recipes."""

from zoo.specs import BenchmarkSpec, ImageInput, MetricSpec, ModelSpec, Optimizer, RecipeSpec, Weights
from zoo_generative.shipped import shipped

LENET = "cnn/lenet5@mnist"

METRICS = [
    MetricSpec(
        name="fd-lenet",
        summary="Fréchet distance to real images in the penultimate layer of LeNet-5, the floor of real images beside it",
        task="generate",
        target="zoo_generative.metrics:FdLenet",
        direction="lower",
        range=(0.0, None),
        reference="scipy.linalg.sqrtm, as the authors of FID compute it",
    ),
    MetricSpec(
        name="fid",
        summary="Fréchet Inception distance, in the features of generative/inception@fid and of no other network",
        task="generate",
        target="zoo_generative.metrics:Fid",
        direction="lower",
        range=(0.0, None),
        reference="pytorch-fid",
    ),
    MetricSpec(
        name="precision-lenet",
        summary="Share of drawn images among the real ones, in the penultimate layer of LeNet-5: fidelity",
        task="generate",
        target="zoo_generative.metrics:PrecisionLenet",
        direction="higher",
        reference="brute force over all pairs, as arXiv:1904.06991 defines it",
    ),
    MetricSpec(
        name="recall-lenet",
        summary="Share of real images among the drawn ones, in the penultimate layer of LeNet-5: diversity",
        task="generate",
        target="zoo_generative.metrics:RecallLenet",
        direction="higher",
        reference="brute force over all pairs, as arXiv:1904.06991 defines it",
    ),
]

MODELS = [
    ModelSpec(
        name="noise",
        summary="Every pixel drawn evenly from [0, 1]: the baseline that every generator must beat",
        tasks={"generate": "zoo_generative.noise:Noise"},
        modality="image",
        options="zoo_generative.noise:NoiseOptions",
    ),
    ModelSpec(
        name="vae",
        summary="Variational autoencoder of binary 28x28 images, 32 latent dimensions; 681,248 parameters",
        tasks={"generate": "zoo_generative.vae:VAE"},
        modality="image",
        input=ImageInput(channels=1, size=(28, 28)),
        weights={"mnist": shipped("vae-mnist", "1dbf37996bfd230de34c81aed010a481b5ea3b28425330850c53163710ac1bc8")},
        paper="Kingma & Welling 2014, Auto-encoding variational Bayes, arXiv:1312.6114",
    ),
    ModelSpec(
        name="ddpm",
        summary="Denoising diffusion of grey 28x28 images, a U-Net of diffusers, 20 steps of DDIM; 619,697 parameters",
        tasks={"generate": "zoo_generative.ddpm:DDPM"},
        modality="image",
        weights={"mnist-samples": shipped("ddpm-mnist", "145011fcec52936dcdd9dc5ef87ab432f228095f08f6a9f203c0ac906dfd0724")},
        options="zoo_generative.ddpm:Sampler",
        paper="Ho, Jain & Abbeel 2020, Denoising diffusion probabilistic models, arXiv:2006.11239",
    ),
    ModelSpec(
        name="inception",
        summary="Inception-v3 as FID has it: 2,048 features of RGB images of any size; 23.9 M parameters",
        tasks={"embed": "zoo_generative.inception:FidInception"},
        modality="image",
        input=ImageInput(channels=3),
        weights={
            "fid": Weights(
                uri="https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
                sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
                licence="Apache-2.0",
                source="TensorFlow's inception-2015-12-05, trained on ImageNet, converted by M. Seitzer for pytorch-fid",
            )
        },
        paper="Heusel et al. 2017, GANs trained by a two time-scale update rule, arXiv:1706.08500",
    ),
]

BENCHMARKS = [
    BenchmarkSpec(
        name="mnist-samples",
        summary="1,000 drawn digits against 1,000 real ones, in the features of LeNet-5",
        task="generate",
        modality="image",
        dataset="data/mnist-samples",
        metrics=("fd-lenet", "precision-lenet:k=3", "recall-lenet:k=3"),
        aux={"features": LENET},
    ),
    BenchmarkSpec(
        name="mnist-fid",
        summary="1,000 drawn digits against 1,000 real ones, in the features of the reference Inception",
        task="generate",
        modality="image",
        dataset="data/mnist-samples",
        metrics=("fid",),
        aux={"features": "generative/inception@fid"},
    ),
    BenchmarkSpec(
        name="mnist-binarised",
        summary="The likelihood of the 10,000 test images of MNIST, binarised by a seed per id, by 50 draws",
        task="generate",
        modality="image",
        dataset="data/mnist",
        metrics=("elbo-binarised", "iwae-binarised:k=50", "iwae-binarised:k=5"),
        protocol={"pixels": "binarised", "draws": 50},
    ),
]

RECIPES = [
    RecipeSpec(
        name="vae-mnist",
        summary="The VAE on MNIST, binarised anew at every draw: Adam and a moving average; minutes on one core",
        model="generative/vae",
        task="generate",
        benchmark="generative/mnist-binarised",
        protocol={"draws": 4},
        dataset="data/mnist",
        trainer="zoo_generative.trainers:train_vae",
        epochs=30,
        batch_size=128,
        optimizer=Optimizer(name="adam", lr=1e-3),
        schedule="cosine",
        ema=0.999,
        validation=0.02,
        metric="elbo-binarised",
        options={"steps": 1000},
    ),
    RecipeSpec(
        name="ddpm-mnist",
        summary="The diffusion model on MNIST: AdamW and a moving average; twenty minutes on one core",
        model="generative/ddpm",
        task="generate",
        benchmark="generative/mnist-samples",
        dataset="data/mnist-samples",
        trainer="zoo_generative.trainers:train_ddpm",
        epochs=10,
        batch_size=32,
        optimizer=Optimizer(name="adamw", lr=2e-3, weight_decay=1e-2),
        schedule="onecycle",
        ema=0.995,
        clip_norm=1.0,
        validation=0.01,
        metric="fd-lenet",
        options={"steps": 400},
    ),
]
