"""attack: what an attacker is given and may do, and whether what comes back is allowed."""
