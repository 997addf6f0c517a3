"""Training: a recipe executed, checkpointed, resumed exactly, and written as safetensors."""
