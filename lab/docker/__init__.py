"""Docker: the engine, images, Compose; nothing of NATS."""
