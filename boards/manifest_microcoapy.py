"""Freezes what goes under an application of microCoAPy; the library itself comes from elsewhere."""

include("manifest_core.py", role="client")
package("leafcoapy", base_path="../firmware")
