"""Makes `tiny_training` importable, as the module of a plugin is."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
