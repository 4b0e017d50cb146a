# SPDX-License-Identifier: ISC
"""The benchmark's driver; ./bench/run is its front."""
