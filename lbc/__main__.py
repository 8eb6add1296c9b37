"""`python -m lbc`."""

import sys

from lbc.cli import main

sys.exit(main())
