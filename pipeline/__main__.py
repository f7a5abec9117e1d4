"""`python -m pipeline` is `verbatims`."""

import sys

from pipeline.cli import main

sys.exit(main())
