# SPDX-License-Identifier: ISC
# A front for Meson, which does the work.
BUILD = build
DESTDIR =

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD)

install: all
	DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

check:
	./check

demo:
	./demo

clean:
	rm -rf $(BUILD) build-check build-asan build-ci

.PHONY: all install check demo clean
