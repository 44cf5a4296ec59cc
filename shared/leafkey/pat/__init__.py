"""Privacy-enhanced tokens: the tree, the tokens, who presents and who verifies them."""
