"""Build a wheel of each folder that is named, into the first: `build.py WHEELS FOLDER...`. No network, one process for all."""

import os
import sys

from hatchling.build import build_wheel

wheels, *folders = sys.argv[1:]
for folder in folders:
    os.chdir(folder)
    build_wheel(wheels)
