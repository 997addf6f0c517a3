"""Plugin `hub`: models of timm, torchvision, transformers and diffusers by name."""
