"""What runs within the sandbox: one submission and the inputs to one array of predictions. There are no labels here."""
