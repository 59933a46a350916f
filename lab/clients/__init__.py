"""Programs in any language that publish and consume as the lab asks, by lines of JSON (docs/client-protocol.md)."""
