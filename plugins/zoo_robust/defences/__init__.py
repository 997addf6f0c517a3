"""Trainings that are to make a classifier robust: adversarial training, TRADES, interval bounds."""
