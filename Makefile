# Gradus: `make` builds the library, `make test` tests it, `make run` examples what it does, and
# `make help` lists the rest. A new file is found by itself: nothing here names one.

VERSION := 0.1.0
SONAME  := libgradus.so.0
PREFIX  ?= /usr/local
EXAMPLE ?= vae

help: ## This list
	@echo 'Targets:'
	@awk -F ':.* ## ' '/^[a-z-]+:.* ## / { printf "  %-11s %s\n", $$1, $$2 }' Makefile
	@echo 'Options: SAN=1 with sanitizers, BLIS=0 without BLIS, CC=clang, BUILD=DIR, PREFIX=DIR, V=1'
.DEFAULT_GOAL := all

# Every core works unless -j says otherwise. Built-in rules are of no use here.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --no-builtin-rules -j$(shell nproc)
endif
.SUFFIXES:
.SECONDARY:
.SECONDEXPANSION:
.DELETE_ON_ERROR:

# --- Options -------------------------------------------------------------------------------------
# Each combination has a build folder of its own, so that objects of two kinds never meet.

SAN    ?= 0
BLIS   ?= 1
SYNTAX ?= 0
kind   := $(filter-out cc gcc,$(notdir $(CC))) $(if $(filter-out 0,$(SAN)),san) \
          $(if $(filter 0,$(BLIS)),noblis) $(if $(filter-out 0,$(SYNTAX)),syntax)
empty  :=
BUILD  ?= build$(if $(strip $(kind)),/$(subst $(empty) ,-,$(strip $(kind))))

# Threads that wait for another may not keep it from the core it needs: with the default, a shared
# core makes two threads ten times slower than one.
export GOMP_SPINCOUNT ?= 1000

# One program that has the machine to itself, more or less: bound to a core each, its threads cannot
# meet on one, and may wait longer.
bound := OMP_PROC_BIND=true GOMP_SPINCOUNT=100000

# --- Flags ---------------------------------------------------------------------------------------
# Results have the same bits everywhere: never -ffast-math, never -march=native, no contraction.

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wconversion -Werror
CFLAGS   ?= -g
FLAGS    := -std=c11 -D_DEFAULT_SOURCE -fPIC -fvisibility=hidden -fopenmp -ffp-contract=off \
            -Iinclude -I. $(WARNINGS)
LIBS     := -lz -lm

plain    := -O2
# A loop that clang leaves scalar is slower, not wrong: no error.
kernel   := -O3 -fno-trapping-math -fno-math-errno -fwrapv \
            $(if $(findstring clang,$(shell $(CC) --version)),-Wno-pass-failed)
isas     := v1
ifneq ($(filter x86_64%,$(shell $(CC) -dumpmachine)),)
isas     := v1 v3 v4
march_v1 := -march=x86-64
march_v3 := -march=x86-64-v3
march_v4 := -march=x86-64-v4 -mprefer-vector-width=512
endif

ifneq ($(filter-out 0,$(SAN)),)
sanitize := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
endif

# Debian keeps BLIS in a multiarch folder and gives it no pkg-config file.
ifeq ($(BLIS),0)
blis      = -DGR__NO_BLIS
else
blis_dir := $(firstword $(wildcard /usr/local/include/blis /usr/include/*/blis-openmp \
              /usr/include/blis /opt/homebrew/include/blis))
blis_miss = $(error blis.h is missing: tools/deps run installs it, make BLIS=0 does without)
blis      = -isystem $(or $(blis_dir),$(blis_miss))
LIBS     := -lblis $(LIBS)
endif

cairo_flags := $(or $(shell pkg-config --cflags cairo 2>/dev/null),-I/usr/include/cairo)
cairo_libs  := $(or $(shell pkg-config --libs cairo 2>/dev/null),-lcairo)
mpfr_libs   := $(if $(wildcard /usr/include/mpfr.h /usr/local/include/mpfr.h),-lmpfr -lgmp)

compile = $(CC) $(CPPFLAGS) $(FLAGS) $(1) $(sanitize) $(CFLAGS) -MMD -MP -MF $(@:.o=.d)
compile += $(if $(filter 0,$(SYNTAX)),-c -o $@ $<,-fsyntax-only -MT $@ $< && touch $@)
link    = $(CC) -fopenmp $(sanitize) $(LDFLAGS) -o $@

# One short line for each file made, or the command itself with V=1.
V  ?= 0
Q   = $(if $(filter 0,$(V)),@)
say = @mkdir -p $(@D) $(if $(Q),&& printf '  %-4s %s\n' $(1) $@)

# --- Sources and objects -------------------------------------------------------------------------

object   = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
kernels := $(wildcard src/kernels/*.c)
library := $(call object,$(wildcard src/core/*.c src/eval/*.c src/io/*.c autograd/*.c layers/*.c \
             losses/*.c optim/*.c training/*.c)) \
           $(foreach isa,$(isas),$(kernels:%.c=$(BUILD)/obj/%.$(isa).o))
common  := $(call object,$(wildcard examples/common/*.c))
tests   := $(wildcard $(or $(TESTS),tests/*.c tests/*/*.c tests/*/*/*.c tests/scripts/*.sh))
suites  := $(call object,$(filter-out tests/standalone/%,$(filter %.c,$(tests))))
alone   := $(filter tests/standalone/%,$(tests))
examples := $(filter-out common,$(patsubst examples/%/,%,$(sort $(dir $(wildcard examples/*/*.c)))))
benches := $(if $(wildcard bench/*.c),$(BUILD)/bench/gradus-bench)

static   := $(BUILD)/libgradus.a
shared   := $(BUILD)/libgradus.so
suite    := $(if $(suites),$(BUILD)/tests/gradus-tests)
checks   := $(suite) $(alone:%.c=$(BUILD)/%)
programs := $(examples:%=$(BUILD)/examples/%) $(benches) $(checks)
objects  := $(library) $(common) $(suites) $(call object,$(alone) $(wildcard bench/*.c)) \
            $(foreach name,$(examples),$(call object,$(wildcard examples/$(name)/*.c)))

# --- The library ---------------------------------------------------------------------------------

all: $(static) $(shared) ## Build both libraries (the default)

$(static): $(library) $(BUILD)/list
	$(call say,AR)
	$(Q)rm -f $@ && ar rcs $@ $(library)

$(shared): $(library) $(BUILD)/list
	$(call say,LD)
	$(Q)$(link).$(VERSION) -shared -Wl,-soname,$(SONAME) $(library) $(LIBS)
	@ln -sf libgradus.so.$(VERSION) $(BUILD)/$(SONAME) && ln -sf $(SONAME) $@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(call say,CC)
	$(Q)$(call compile,$(plain) $(extra))

define kernel_rule
$$(BUILD)/obj/%.$(1).o: %.c $$(BUILD)/flags
	$$(call say,CC)
	$$(Q)$$(call compile,$$(kernel) $$(march_$(1)) -DGR__ISA=$(1) $$(blis))
endef
$(foreach isa,$(isas),$(eval $(call kernel_rule,$(isa))))

-include $(objects:.o=.d)

# Two files that change only when their text does: other flags compile everything again, a file that
# came or went links again.
$(BUILD)/flags: text = $(call compile,$(plain) $(kernel) $(blis))
$(BUILD)/list:  text = $(objects) $(LIBS) $(LDFLAGS)
$(BUILD)/flags $(BUILD)/list: always
	@mkdir -p $(@D) && echo '$(text)' | cmp -s - $@ || echo '$(text)' > $@

# --- Programs ------------------------------------------------------------------------------------

programs: $(programs) ## Build every example, test and benchmark
objects: $(objects)

$(BUILD)/obj/examples/%.o: extra = $(cairo_flags)
$(BUILD)/examples/%: $$(call object,$$(wildcard examples/$$*/*.c)) $(common) $(static)
	$(call say,LINK)
	$(Q)$(link) $^ $(cairo_libs) $(LIBS)

$(BUILD)/obj/bench/limits.o: extra = $(kernel) -ffp-contract=fast
$(BUILD)/bench/gradus-bench: $(call object,$(wildcard bench/*.c)) $(static)
	$(call say,LINK)
	$(Q)$(link) $^ $(LIBS)

$(BUILD)/obj/tests/%.o: extra = $(cairo_flags)

# A public primitive without rows in the certification table stops the build here.
$(BUILD)/rows: $(wildcard include/gradus/*.h tests/primitives/*.def) tools/rows
	@mkdir -p $(@D) && tools/rows && touch $@

$(BUILD)/tests/gradus-tests: $(suites) $(common) $(static) $(BUILD)/list | $(BUILD)/rows
	$(call say,LINK)
	$(Q)$(link) $(suites) $(common) $(static) -lcriterion $(cairo_libs) $(LIBS)

$(BUILD)/obj/tests/standalone/%.o: extra = $(kernel) -DGR__ISA=v1
$(BUILD)/obj/tests/standalone/vmath_fma.o: extra = $(kernel) -DGR__ISA=v1 $(march_v3)
$(BUILD)/tests/standalone/%: $(BUILD)/obj/tests/standalone/%.o $(static)
	$(call say,LINK)
	$(Q)$(link) $^ $(mpfr_libs) $(LIBS)

# --- What people type ----------------------------------------------------------------------------
# run, test and lint install what is missing first, so the rest of their work is a make of its own.

arguments = $(if $(EPOCHS),--epochs $(EPOCHS)) $(if $(SEED),--seed $(SEED)) \
            $(if $(THREADS),--threads $(THREADS)) $(if $(MNIST),--mnist '$(MNIST)') \
            $(if $(OUT),--out '$(OUT)') $(ARGS)

run: ## Run an example: EXAMPLE=vae EPOCHS= SEED= THREADS= MNIST=DIR OUT=DIR ARGS=
	@[ -d examples/$(EXAMPLE) ] || { echo 'no example $(EXAMPLE); make examples lists them'; exit 2; }
	@tools/deps run
	@$(MAKE) --no-print-directory $(BUILD)/examples/$(EXAMPLE)
	@$(if $(filter 1,$(THREADS)),,$(bound)) $(BUILD)/examples/$(EXAMPLE) $(strip $(arguments))

examples: ## List the examples
	@awk 'FNR == 1 { gsub("^/[*] *| *[*]/$$", ""); split(FILENAME, part, "/"); \
	                 printf "  %-12s %s\n", part[2], $$0 }' /dev/null \
	    $(foreach name,$(examples),$(firstword $(wildcard examples/$(name)/$(name).c \
	        examples/$(name)/main.c)))

test: ## Install what tests need, build and run all tests; TESTS='FILES' only some
	@tools/deps test
	@$(MAKE) --no-print-directory check

check: all $(if $(TESTS),$(checks),$(programs)) ## The same without installing anything
	@BUILD='$(BUILD)' CC='$(CC)' SAN='$(SAN)' SUITE='$(suite)' tools/runtests \
	    $(filter %.sh,$(tests)) $(alone)

measure = python3 bench/run.py $(benches) --compiler "$$($(CC) --version | head -n 1)" \
            $(if $(ONLY),--only '$(ONLY)')

fuzz-graphs: $(BUILD)/tests/standalone/graphs ## Compare random graphs evaluated in all ways: N= SEED=
	@$< --graphs $(or $(N),20000) --seed $(or $(SEED),$(shell date +%s))

bench: ## Measure beside PyTorch and JAX, write bench/RESULTS.md: ONLY=ROW
	@tools/deps bench
	@bench/peers
	@$(MAKE) --no-print-directory $(benches)
	@$(measure) --peers bench/.peers
	@$(if $(ONLY),,python3 bench/readme.py)

bench-quick: $(benches) ## Measure Gradus alone, in a minute: ONLY=ROW
	@$(measure)

references: ## Write the values that primitives should have, from PyTorch, SciPy, mpmath: FAMILY=
	@tools/deps bench
	@bench/peers
	bench/.peers/bin/python tools/references $(FAMILY)

primitives: $(suite) ## Write docs/primitives.md: what the certification table found
	@rm -f $(BUILD)/certificate
	@GRADUS_CERTIFICATE='$(BUILD)/certificate' $(suite) --filter 'primitives/*' >$(BUILD)/primitives.log 2>&1 \
	    || { cat $(BUILD)/primitives.log; exit 1; }
	tools/primitives $(BUILD)/certificate > $(BUILD)/primitives.md
	mv $(BUILD)/primitives.md docs/primitives.md

results: $(BUILD)/examples/vae $(BUILD)/examples/digits ## Write docs/results.md: MNIST=DIR THREADS=
	tools/results $(BUILD)/examples '$(MNIST)' '$(or $(THREADS),2)' > $(BUILD)/results.md
	mv $(BUILD)/results.md docs/results.md

lint: ## Formatting, warnings of gcc and clang, include directions
	@tools/deps dev
	@clang-format --dry-run --Werror $(ours)
	@$(MAKE) --no-print-directory objects
	@$(MAKE) --no-print-directory objects CC=clang SYNTAX=1 BUILD=$(BUILD)/clang-syntax
	@tools/arrows

ours = $(filter-out include/gradus/elementwise.h,$(shell find $(wildcard include src autograd \
         layers losses optim training examples tests bench) -name .peers -prune -o \
         -name '*.[ch]' -print))

format: ## Apply clang-format to all our files
	@clang-format -i $(ours)

arrows: ## Check include directions and forbidden calls
	@tools/arrows

headers: ## Write include/gradus/elementwise.h from elementwise.def
	tools/elementwise include/gradus/elementwise.def > include/gradus/elementwise.h.new
	mv include/gradus/elementwise.h.new include/gradus/elementwise.h

into = $(DESTDIR)$(PREFIX)
private = -fopenmp $(LIBS)

install: all ## Install headers, libraries and gradus.pc under PREFIX (DESTDIR= for packages)
	install -d $(into)/include/gradus $(into)/lib/pkgconfig
	install -m 644 include/gradus.h $(into)/include
	install -m 644 include/gradus/*.h include/gradus/*.def $(into)/include/gradus
	install -m 644 $(static) $(into)/lib
	install -m 755 $(shared).$(VERSION) $(into)/lib
	ln -sf libgradus.so.$(VERSION) $(into)/lib/$(SONAME)
	ln -sf $(SONAME) $(into)/lib/libgradus.so
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|; s|@LIBS@|$(private)|' tools/gradus.pc.in \
	    > $(into)/lib/pkgconfig/gradus.pc
	$(if $(DESTDIR),,-ldconfig)

uninstall: ## Remove what install put there
	rm -rf $(into)/include/gradus $(into)/include/gradus.h $(into)/lib/libgradus.a \
	    $(into)/lib/libgradus.so* $(into)/lib/pkgconfig/gradus.pc

clean: ## Remove the build folder
	rm -rf $(BUILD)

.PHONY: help all programs objects run examples test check fuzz-graphs bench bench-quick references \
        primitives results lint format arrows headers install uninstall clean always
