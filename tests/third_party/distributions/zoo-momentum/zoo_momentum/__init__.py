"""A stranger's attack, which uses what `zoo` gives everybody and nothing of any other plugin."""

from zoo import hookimpl
from zoo.specs import ModelSpec


@hookimpl
def zoo_models():
    return [
        ModelSpec(
            name="mifgsm",
            summary="Momentum iterative fast gradient sign method",
            tasks={"attack": "zoo_momentum.mifgsm:MomentumFgsm"},
            modality="image",
            options="zoo_momentum.mifgsm:MomentumFgsm",
            paper="Dong et al. 2018, Boosting adversarial attacks with momentum, arXiv:1710.06081",
        )
    ]
