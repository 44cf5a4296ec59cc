"""What a person did, or can mend: the manager's own errors."""


class ManagerError(Exception):
    """`str()` says in one line what is wrong, `advice` what to do about it."""

    def __init__(self, problem: str, advice: str):
        super().__init__(problem)
        self.advice = advice


class UsageError(ManagerError):
    """What was typed is not what the command reads."""
