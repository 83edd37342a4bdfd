"""What pytflite costs in time and memory, beside LiteRT and OpenVINO."""
