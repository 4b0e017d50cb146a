# SPDX-License-Identifier: ISC
"""The MTAs of the matrix."""
from .base import Missing, Mta
from .exim import Exim
from .haraka import Haraka
from .opensmtpd import OpenSmtpd
from .postfix import PostfixMta
from .sendmail import Sendmail

MTAS = {x.name: x for x in (PostfixMta, Exim, OpenSmtpd, Sendmail, Haraka)}

__all__ = ["MTAS", "Missing", "Mta"]
