/* SPDX-License-Identifier: ISC */
/*
 * See folder.h. There may be thousands of files and of tenants: both are sorted,
 * and of what is wrong one line tells how often, and the first.
 */
#include <conf/folder.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <conf/routes.h>
#include <conf/warning.h>

#define SETTING "tenant_certificates"

bool
xo_folder_file(const struct xo_conf *conf, struct xo_span tenant,
    struct xo_buf *path)
{
	xo_buf_add_all(path, conf->tenant_certificates.path, "/", (char *)NULL);
	xo_buf_add(path, tenant);
	xo_buf_add_cstr(path, ".pem");
	xo_buf_add_byte(path, '\0');
	return path->err == XO_OK;
}

bool
xo_folder_is_for(const struct xo_conf *conf, size_t tenant)
{
	return conf->tenant_certificates.path != NULL &&
	    conf->tenants[tenant].client_certificate.path == NULL;
}

bool
xo_folder_hides(const struct xo_conf *conf, size_t tenant)
{
	struct xo_buf path = {0};
	bool is_hidden = xo_folder_is_for(conf, tenant) &&
	    xo_folder_file(conf, conf->policy.tenants[tenant].name, &path) &&
	    access((const char *)path.p, R_OK) != 0 && errno == EACCES;

	xo_buf_fini(&path);
	return is_hidden;
}

bool
xo_shown_find(struct xo_shown *shown, const struct xo_conf *conf,
    size_t tenant)
{
	xo_buf_clear(&shown->file);
	shown->certificate = conf->tenants[tenant].client_certificate;
	shown->key = conf->tenants[tenant].client_key;
	if (!xo_folder_is_for(conf, tenant))
		return shown->certificate.path != NULL;
	if (!xo_folder_file(conf, conf->policy.tenants[tenant].name,
	    &shown->file))
		return false;
	shown->certificate = shown->key = (struct xo_conf_path){
		(const char *)shown->file.p, conf->tenant_certificates.where};
	return access(shown->certificate.path, F_OK) == 0;
}

void
xo_shown_fini(struct xo_shown *shown)
{
	xo_buf_fini(&shown->file);
	*shown = (struct xo_shown){.certificate = {.path = NULL}};
}

struct look {
	const struct xo_conf *conf;
	struct xo_warnings *warnings;
	struct dirent **files;		/* by name */
	size_t n_files;
	char **expected;		/* NAME.pem, by name */
	bool *is_wanted;		/* by tenant: some upstream shows it */
	int upstream;
};

/* How often, and the first. */
struct count {
	size_t n;
	const char *first;
};

static void
note(struct count *count, const char *name)
{
	if (count->n++ == 0)
		count->first = name;
}

static int
is_no_dot(const struct dirent *file)
{
	return file->d_name[0] != '.';
}

static int
compare_files(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
compare_name_and_file(const void *name, const void *file)
{
	return strcmp(name, (*(struct dirent *const *)file)->d_name);
}

static char *
file_name(const struct xo_conf *conf, size_t tenant)
{
	struct xo_span name = conf->policy.tenants[tenant].name;
	char *text = NULL;

	return asprintf(&text, "%.*s.pem", (int)name.len,
	    (const char *)name.p) < 0 ? NULL : text;
}

static bool
is_there(const struct look *look, const char *name)
{
	/* An empty list may be none. */
	return look->n_files > 0 && bsearch(name, look->files, look->n_files,
	    sizeof(struct dirent *), compare_name_and_file) != NULL;
}

static void
note_wanted(void *arg, const struct xo_route *route)
{
	const struct look *look = arg;

	if (route->upstream == look->upstream && route->tenant != XO_NOBODY &&
	    (size_t)route->tenant < look->conf->policy.n_tenants)
		look->is_wanted[route->tenant] = true;
}

static void
find_wanted(struct look *look)
{
	const struct xo_policy *policy = &look->conf->policy;

	for (size_t u = 0; u < policy->n_upstreams; u++) {
		look->upstream = (int)u;
		if (!policy->upstreams[u].has_tenant_certificate)
			continue;
		for (size_t i = 0; i < policy->n_listeners; i++)
			xo_routes_visit(policy, &policy->listeners[i],
			    note_wanted, look);
	}
}

static void
check_missing(const struct look *look)
{
	const struct xo_conf *conf = look->conf;
	struct count missing = {.n = 0};
	char *first = NULL;

	for (size_t i = 0; i < conf->policy.n_tenants; i++) {
		char *name;

		if (!look->is_wanted[i] || !xo_folder_is_for(conf, i))
			continue;
		name = file_name(conf, i);
		if (name != NULL && !is_there(look, name))
			note(&missing, "");
		if (missing.n == 1 && first == NULL)
			first = name;
		else
			free(name);
	}
	if (missing.n > 0)
		xo_warnings_add(look->warnings, XO_RULE_TENANT_FILE_MISSING,
		    &conf->tenant_certificates.where, SETTING,
		    "tenants without a file that an upstream wants: %zu, the "
		    "first %s", missing.n, first);
	free(first);
}

static void
check_unused(const struct look *look)
{
	size_t n = look->conf->policy.n_tenants;
	struct count unused = {.n = 0};

	/* Those of tenants that a source knows, and we do not. */
	if (look->conf->policy.guests != NULL)
		return;
	for (size_t i = 0; i < look->n_files; i++) {
		char *name = look->files[i]->d_name;

		if (bsearch(&name, look->expected, n, sizeof(char *),
		    compare_names) == NULL)
			note(&unused, name);
	}
	if (unused.n > 0)
		xo_warnings_add(look->warnings, XO_RULE_TENANT_FILE_UNUSED,
		    &look->conf->tenant_certificates.where, SETTING,
		    "files that belong to no tenant: %zu, the first %.200s",
		    unused.n, unused.first);
}

static void
check_readers(const struct look *look)
{
	int folder = open(look->conf->tenant_certificates.path,
	    O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct count open_files = {.n = 0};

	for (size_t i = 0; folder >= 0 && i < look->n_files; i++) {
		const char *name = look->files[i]->d_name;
		struct stat status;

		if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(status.st_mode) &&
		    (status.st_mode & S_IROTH) != 0)
			note(&open_files, name);
	}
	if (folder >= 0)
		(void)close(folder);
	if (open_files.n > 0)
		xo_warnings_add(look->warnings, XO_RULE_KEY_READABLE,
		    &look->conf->tenant_certificates.where, SETTING,
		    "files that everybody can read: %zu, the first %.200s",
		    open_files.n, open_files.first);
}

static bool
read_all(struct look *look)
{
	size_t n = look->conf->policy.n_tenants;
	int n_files = scandir(look->conf->tenant_certificates.path,
	    &look->files, is_no_dot, compare_files);

	/* That it cannot be read is told by who has to. */
	if (n_files < 0)
		return false;
	look->n_files = (size_t)n_files;
	look->expected = calloc(n + 1, sizeof(*look->expected));
	look->is_wanted = calloc(n + 1, sizeof(*look->is_wanted));
	if (look->expected == NULL || look->is_wanted == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		look->expected[i] = file_name(look->conf, i);
		if (look->expected[i] == NULL)
			return false;
	}
	qsort(look->expected, n, sizeof(*look->expected), compare_names);
	return true;
}

void
xo_folder_check(const struct xo_conf *conf, struct xo_warnings *warnings)
{
	struct look look = {.conf = conf, .warnings = warnings};

	if (conf->tenant_certificates.path == NULL)
		return;
	if (read_all(&look)) {
		find_wanted(&look);
		check_missing(&look);
		check_unused(&look);
		check_readers(&look);
	}
	for (size_t i = 0; i < look.n_files; i++)
		free(look.files[i]);
	for (size_t i = 0; look.expected != NULL &&
	    i < conf->policy.n_tenants; i++)
		free(look.expected[i]);
	free(look.files);
	free(look.expected);
	free(look.is_wanted);
}
