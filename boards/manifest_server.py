include("manifest_core.py")
include("$(MPY_DIR)/extmod/asyncio")
package("leafnode", base_path="../firmware")
