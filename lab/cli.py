def main() -> None:
    print("lab")
