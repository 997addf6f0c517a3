"""Why accurate models are fragile, measured: distances to mistakes, dimensions of features, and one altered neuron."""
