"""Plugin `metric`, topic 7: embeddings learnt by contrastive, triplet and angular losses."""
