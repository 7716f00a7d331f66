"""What others say a prefix does, and what a run says of it."""

from prefixbench.claims.assess import Assessment, assess
from prefixbench.claims.claim import Claim
from prefixbench.claims.files import load_claims

__all__ = ["Assessment", "Claim", "assess", "load_claims"]
