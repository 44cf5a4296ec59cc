"""What every pytest run here shares."""

import os

from hypothesis import settings

# The same examples in every run, so that a red test is red for whoever looks next. More with
# HYPOTHESIS_PROFILE=long, which draws new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.register_profile("long", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
