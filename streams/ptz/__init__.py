"""Camera heads that turn: the port, ONVIF, and a simulated device that speaks real SOAP."""
