"""Entries of kind optimizer."""

from zoo.specs import TechniqueSpec

PLAIN, SGD, ADAM = (f"zoo_training.optimizers:{name}" for name in ("TimmOptimizer", "Sgd", "Adam"))
LAMB, LARS, LION, RMSPROP = (f"zoo_training.optimizers:{name}" for name in ("Lamb", "Lars", "Lion", "RmsProp"))

ROWS = (
    ("sgd", SGD, "Stochastic gradient descent with Nesterov's momentum", "Sutskever, Martens, Dahl & Hinton 2013, ICML"),
    ("adam", ADAM, "Adam, weight decay as an L2 penalty", "Kingma & Ba 2015, arXiv:1412.6980"),
    ("adamw", ADAM, "Adam with decoupled weight decay", "Loshchilov & Hutter 2019, arXiv:1711.05101"),
    ("adamax", ADAM, "Adam with the infinity norm", "Kingma & Ba 2015, arXiv:1412.6980, section 7.1"),
    ("nadam", ADAM, "Adam with Nesterov's momentum", "Dozat 2016, Incorporating Nesterov momentum into Adam, ICLR workshop"),
    ("radam", ADAM, "Adam whose variance is rectified at the start", "Liu et al. 2020, arXiv:1908.03265"),
    ("adabelief", ADAM, "Adam scaled by how far gradients are from their mean", "Zhuang et al. 2020, arXiv:2010.07468"),
    ("adopt", ADAM, "Adam that converges with any beta2", "Taniguchi et al. 2024, arXiv:2411.02853"),
    ("adan", PLAIN, "Nesterov's momentum estimated without a look ahead", "Xie et al. 2022, arXiv:2208.06677"),
    ("adagrad", PLAIN, "Rates by the sum of squared gradients", "Duchi, Hazan & Singer 2011, JMLR 12"),
    ("adadelta", PLAIN, "Rates by running means of squared steps and gradients", "Zeiler 2012, arXiv:1212.5701"),
    ("rmsprop", RMSPROP, "Rates by a running mean of squared gradients", "Tieleman & Hinton 2012, lecture 6.5"),
    ("adafactor", PLAIN, "Adam whose second moments are kept by rows and columns", "Shazeer & Stern 2018, arXiv:1804.04235"),
    ("lars", LARS, "SGD with a rate for each layer (timm's variant)", "You, Gitman & Ginsburg 2017, arXiv:1708.03888"),
    ("lamb", LAMB, "Adam with a rate for each layer, for large batches (timm's variant: gradients cut to norm 1)",
     "You et al. 2020, arXiv:1904.00962"),
    ("lion", LION, "The sign of a momentum; one state a parameter", "Chen et al. 2023, arXiv:2302.06675"),
    ("muon", PLAIN, "Momentum made orthogonal, for matrices; AdamW for the rest", "Jordan et al. 2024, Muon; timm's variant"),
    ("madgrad", PLAIN, "Dual averaging with adaptive rates", "Defazio & Jelassi 2022, arXiv:2101.11075"),
    ("sgdw", PLAIN, "SGD with Nesterov's momentum and decoupled weight decay", "Loshchilov & Hutter 2019, arXiv:1711.05101"),
    ("sgdp", PLAIN, "SGD that does not grow the norms of scale-free weights", "Heo et al. 2021, arXiv:2006.08217"),
    ("adamp", ADAM, "Adam that does not grow the norms of scale-free weights", "Heo et al. 2021, arXiv:2006.08217"),
    ("nadamw", ADAM, "Adam with Nesterov's momentum and decoupled weight decay", "Dahl et al. 2023, arXiv:2306.07179"),
    ("radamw", ADAM, "Rectified Adam with decoupled weight decay", "Liu et al. 2020, arXiv:1908.03265"),
    ("adanw", PLAIN, "Adan with decoupled weight decay", "Xie et al. 2022, arXiv:2208.06677"),
    ("adoptw", ADAM, "ADOPT with decoupled weight decay", "Taniguchi et al. 2024, arXiv:2411.02853"),
    ("laprop", ADAM, "Momentum of normalised gradients", "Ziyin, Wang & Ueda 2020, arXiv:2002.04839"),
    ("mars", PLAIN, "AdamW on gradients of reduced variance", "Yuan et al. 2024, arXiv:2411.10438"),
    ("adamuon", PLAIN, "Muon with second moments", "Si, Zhang & Shen 2025, arXiv:2507.11005; timm's variant"),
    ("adafactorbv", PLAIN, "Adafactor with momentum in bfloat16", "Zhai et al. 2022, arXiv:2106.04560, section 3.4"),
    ("madgradw", PLAIN, "MADGRAD with decoupled weight decay", "Defazio & Jelassi 2022, arXiv:2101.11075"),
    ("novograd", PLAIN, "Second moments a layer, not a parameter", "Ginsburg et al. 2019, arXiv:1905.11286"),
)  # fmt: skip

STATES = {
    **dict.fromkeys(("sgd", "sgdw", "lars"), (0, 1, 0)),
    **dict.fromkeys(("adam", "adamw", "adamax", "radam", "radamw", "adopt", "adoptw", "nadamw", "adadelta"), (2, 0, 1)),
    **dict.fromkeys(("adabelief", "adamp", "lamb"), (2, 0, 0)),
    **dict.fromkeys(("nadam", "laprop"), (2, 0, 2)),
    **dict.fromkeys(("adan", "adanw"), (4, 0, 0)),
    **dict.fromkeys(("adagrad", "novograd"), (1, 0, 1)),
    **dict.fromkeys(("lion", "sgdp"), (1, 0, 0)),
    **dict.fromkeys(("madgrad", "madgradw"), (2, 1, 0)),
    "rmsprop": (1, 1, 1),
    "mars": (3, 0, 0),
}
"""States as large as the parameters; more of them where there is momentum; and numbers of float32 a tensor. Others keep what
depends on the shapes of the parameters."""
EIGHT_BIT = (
    ("adam-8bit", "Adam8bit", "Adam, weight decay as an L2 penalty, its states in 8 bits"),
    ("adamw-8bit", "AdamW8bit", "Adam with decoupled weight decay, its states in 8 bits"),
)

TECHNIQUES = [
    TechniqueSpec(
        name=name,
        kind="optimizer",
        summary=summary,
        target=target,
        config={"algorithm": name, "states": STATES.get(name)},
        paper=paper,
    )
    for name, target, summary, paper in ROWS
] + [
    TechniqueSpec(
        name=name,
        kind="optimizer",
        summary=summary,
        target="zoo_training.eight_bit:Adam8bit",
        config={"algorithm": algorithm},
        requires=("torchao>=0.18",),
        paper="Dettmers, Lewis, Shleifer & Zettlemoyer 2022, 8-bit optimizers via block-wise quantization, arXiv:2110.02861",
    )
    for name, algorithm, summary in EIGHT_BIT
]
