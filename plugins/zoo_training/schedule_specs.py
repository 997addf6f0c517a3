"""Entries of kind schedule."""

from zoo.specs import TechniqueSpec

ROWS = (
    ("constant", "Constant", "The recipe's learning rate at every step", ""),
    ("warmup", "Warmup", "A linear rise, then the recipe's rate", "Goyal et al. 2017, arXiv:1706.02677, section 2.2"),
    ("cosine", "Cosine", "Half a cosine down to 0, perhaps after a linear rise", "Loshchilov & Hutter 2017, arXiv:1608.03983"),
    ("linear", "Linear", "A straight line down to 0, perhaps after a linear rise", "Devlin et al. 2019, arXiv:1810.04805, A.2"),
    ("polynomial", "Polynomial", "A power of what is left to do", "Liu, Rabinovich & Berg 2015, arXiv:1506.04579"),
    (
        "inverse-sqrt",
        "InverseSquareRoot",
        "One over the root of the step, after a linear rise",
        "Vaswani et al. 2017, arXiv:1706.03762",
    ),
    ("step", "Step", "Ten times less at each third of the way", "He, Zhang, Ren & Sun 2016, arXiv:1512.03385"),
    ("onecycle", "OneCycle", "Up along a cosine, then down along another", "Smith & Topin 2018, arXiv:1708.07120"),
    ("wsd", "WarmupStableDecay", "A linear rise, a plateau, a linear fall", "Hu et al. 2024, arXiv:2404.06395"),
    (
        "range-test",
        "RangeTest",
        "Growing rates, to find the largest useful one",
        "Smith 2017, arXiv:1506.01186",
    ),
)

TECHNIQUES = [
    TechniqueSpec(name=name, kind="schedule", summary=summary, target=f"zoo_training.schedules:{target}", paper=paper)
    for name, target, summary, paper in ROWS
]
