"""The manager on the network: CoAP through aiocoap, authorization through `leafkey.pat`."""
