// bus is a USB bus without hardware: libumockdev makes the device nodes, and this program answers the
// ioctls of usbfs on them. What a device does with a transfer is decided by the Go program at the other
// end of descriptor 3; here is only what the kernel would do: interfaces are claimed, transfers are
// submitted, reaped and discarded, and a device that is pulled out ends them all.
//
// Messages on descriptor 3, both ways: length (4 bytes, of what follows), kind (1), body; little-endian.
//   to us    A bus dev drivers(4) description   plug a device in; answered a, or e with a text
//            R bus dev                          pull it out; answered r
//            C id(8) status(4) actual(4) data   a transfer is over; data goes to the host
//   from us  S bus dev id(8) type endpoint length(4) data   a transfer is submitted; data comes from the host
//            D bus dev id(8)                    the host gives it up; it is over when C says so
//            N bus dev interface setting        a setting is chosen
//            H bus dev endpoint                 a halt is cleared
//            Z bus dev                          the device is reset
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/usbdevice_fs.h>
#include <umockdev.h>

#define CHANNEL 3
#define INTERFACES 32

typedef struct {
	guint8 bus, num;
	char *node, *sys, *path;
	int fifo;      // its room says whether there is something to reap
	gboolean ready, gone;
	guint32 drivers; // a bit for each interface that a driver of the kernel holds
	UMockdevIoctlClient *owner[INTERFACES];
	UMockdevIoctlBase *handler;
	GQueue urbs; // submitted and not reaped, in order of completion once they are done
} Device;

typedef struct {
	Device *device;
	UMockdevIoctlClient *client;
	UMockdevIoctlData *urb, *buffer;
	guint64 id;
	gulong addr; // by which the host names it
	guint offset; // where the data of a control transfer begin
	gboolean done;
	gint32 status;
	guint32 actual;
	GBytes *data;
} Urb;

// The news of plugs goes to the hosts as datagrams, and libumockdev gives up altogether when one of them has ten unread or is just
// coming or going. The kernel lets such a host miss the news; so these two stand before the C library's for that library too.

static gboolean datagrams(int fd) {
	int type = 0;
	socklen_t n = sizeof type;
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_DGRAM;
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags) {
	ssize_t r = syscall(SYS_sendmsg, fd, m, flags);
	if (r >= 0 || !datagrams(fd)) return r;
	r = 0;
	for (size_t i = 0; i < m->msg_iovlen; i++) r += m->msg_iov[i].iov_len;
	return r;
}

int connect(int fd, const struct sockaddr *to, socklen_t n) {
	int r = syscall(SYS_connect, fd, to, n);
	if (r < 0 && datagrams(fd)) errno = ECONNREFUSED; // which it bears
	return r;
}

static GRecMutex lock; // guards everything below
static UMockdevTestbed *bed;
static GHashTable *devices; // by bus << 8 | num
static guint64 last;

static void say(char kind, const void *head, guint32 headLen, const void *data, guint32 dataLen) {
	guint32 n = 1 + headLen + dataLen;
	GByteArray *m = g_byte_array_sized_new(n + 4);
	g_byte_array_append(m, (guint8 *)&n, 4);
	g_byte_array_append(m, (guint8 *)&kind, 1);
	g_byte_array_append(m, head, headLen);
	if (dataLen) g_byte_array_append(m, data, dataLen);
	for (guint at = 0; at < m->len;) {
		ssize_t w = write(CHANNEL, m->data + at, m->len - at);
		if (w < 0 && errno == EINTR) continue;
		if (w <= 0) exit(0); // the other end is gone
		at += w;
	}
	g_byte_array_unref(m);
}

// show makes the node ready for poll, or not: a pipe of one slot has room, or has none.
static void show(Device *d, gboolean ready) {
	char byte = 0;
	if (d->ready == ready) return;
	d->ready = ready;
	if ((ready ? read(d->fifo, &byte, 1) : write(d->fifo, &byte, 1)) != 1) fprintf(stderr, "usb bus: the node does not obey: %s\n", strerror(errno));
}

static void look(Device *d) {
	for (GList *l = d->urbs.head; l; l = l->next)
		if (((Urb *)l->data)->done) return show(d, TRUE);
	show(d, FALSE);
}

static void drop(Urb *u) {
	g_queue_remove(&u->device->urbs, u);
	g_object_unref(u->client);
	g_object_unref(u->urb);
	g_clear_object(&u->buffer);
	if (u->data) g_bytes_unref(u->data);
	g_free(u);
}

static void finish(Urb *u, gint32 status, guint32 actual, GBytes *data) {
	u->done = TRUE;
	u->status = status;
	u->actual = actual;
	u->data = data;
	g_queue_remove(&u->device->urbs, u);
	g_queue_push_tail(&u->device->urbs, u);
}

static Device *named(const guint8 *p) { return g_hash_table_lookup(devices, GUINT_TO_POINTER(p[0] << 8 | p[1])); }

static int submit(Device *d, UMockdevIoctlClient *c, UMockdevIoctlData *data) {
	struct usbdevfs_urb *k = (void *)data->data;
	GError *e = NULL;
	UMockdevIoctlData *buffer = NULL;
	if (k->buffer_length) {
		buffer = umockdev_ioctl_data_resolve(data, offsetof(struct usbdevfs_urb, buffer), k->buffer_length, &e);
		if (!buffer) {
			g_clear_error(&e);
			return EFAULT;
		}
	}
	Urb *u = g_new0(Urb, 1);
	*u = (Urb){.device = d, .client = g_object_ref(c), .urb = g_object_ref(data), .buffer = buffer, .id = ++last, .addr = data->client_addr};
	gboolean in = k->endpoint & 0x80;
	if (k->type == USBDEVFS_URB_TYPE_CONTROL) {
		u->offset = 8;
		in = buffer->data[0] & 0x80;
	}
	guint32 length = k->buffer_length, sent = in ? u->offset : length;
	guint8 head[16] = {d->bus, d->num};
	memcpy(head + 2, &u->id, 8);
	head[10] = k->type;
	head[11] = k->endpoint;
	memcpy(head + 12, &length, 4);
	g_queue_push_tail(&d->urbs, u);
	say('S', head, sizeof head, buffer ? buffer->data : NULL, sent);
	return 0;
}

static int reap(Device *d, UMockdevIoctlClient *c) {
	for (GList *l = d->urbs.head; l; l = l->next) {
		Urb *u = l->data;
		if (!u->done || u->client != c) continue;
		struct usbdevfs_urb *k = (void *)u->urb->data;
		gsize n = 0;
		const guint8 *p = u->data ? g_bytes_get_data(u->data, &n) : NULL;
		if (n > (gsize)k->buffer_length - u->offset) n = k->buffer_length - u->offset;
		if (n) umockdev_ioctl_data_update(u->buffer, u->offset, (guint8 *)p, n);
		struct usbdevfs_urb end = *k; // only an update is sure to reach the host
		end.status = u->status;
		end.actual_length = u->actual;
		umockdev_ioctl_data_update(u->urb, 0, (guint8 *)&end, sizeof end);
		GError *e = NULL;
		UMockdevIoctlData *to = umockdev_ioctl_data_resolve(umockdev_ioctl_client_get_arg(c), 0, sizeof(void *), &e);
		if (!to) {
			g_clear_error(&e);
			return EFAULT;
		}
		umockdev_ioctl_data_set_ptr(to, 0, u->urb);
		drop(u);
		look(d);
		return 0;
	}
	look(d);
	return d->gone ? ENODEV : EAGAIN;
}

static int discard(Device *d, gulong addr) {
	for (GList *l = d->urbs.head; l; l = l->next) {
		Urb *u = l->data;
		if (u->addr != addr || u->done) continue;
		guint8 head[10] = {d->bus, d->num};
		memcpy(head + 2, &u->id, 8);
		say('D', head, sizeof head, NULL, 0);
		return 0;
	}
	return EINVAL;
}

static int claim(Device *d, UMockdevIoctlClient *c, guint i, gboolean detach) {
	if (i >= INTERFACES) return EINVAL;
	if (d->owner[i] == c) return 0;
	if (detach) d->drivers &= ~(1u << i);
	if (d->owner[i] || d->drivers & 1u << i) return EBUSY;
	d->owner[i] = c;
	return 0;
}

static int answer(Device *d, UMockdevIoctlClient *c) {
	gulong request = umockdev_ioctl_client_get_request(c);
	GError *e = NULL;
	UMockdevIoctlData *arg = umockdev_ioctl_client_get_arg(c), *data = NULL;
	if (request == USBDEVFS_REAPURB || request == USBDEVFS_REAPURBNDELAY) return reap(d, c);
	// The argument is the transfer's address. It must not be resolved: that would put the transfer in its place.
	if (request == USBDEVFS_DISCARDURB) return d->gone ? ENODEV : discard(d, *(gulong *)arg->data);
	if (d->gone) return ENODEV;
	if (request == USBDEVFS_RESET) {
		guint8 head[2] = {d->bus, d->num};
		say('Z', head, sizeof head, NULL, 0);
		return 0;
	}
	data = umockdev_ioctl_data_resolve(arg, 0, _IOC_SIZE(request), &e);
	if (!data) {
		g_clear_error(&e);
		return EFAULT;
	}
	int r = 0;
	guint32 word = data->data_len >= 4 ? *(guint32 *)data->data : 0;
	switch (request) {
	case USBDEVFS_GET_CAPABILITIES: {
		guint32 caps = USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_BULK_CONTINUATION | USBDEVFS_CAP_NO_PACKET_SIZE_LIM | USBDEVFS_CAP_BULK_SCATTER_GATHER | USBDEVFS_CAP_REAP_AFTER_DISCONNECT;
		umockdev_ioctl_data_update(data, 0, (guint8 *)&caps, 4);
		break;
	}
	case USBDEVFS_GETDRIVER:
		r = word < INTERFACES && d->drivers & 1u << word ? EBUSY : ENODATA;
		break;
	case USBDEVFS_CLAIMINTERFACE:
		r = claim(d, c, word, FALSE);
		break;
	case USBDEVFS_DISCONNECT_CLAIM:
		r = claim(d, c, word, TRUE);
		break;
	case USBDEVFS_RELEASEINTERFACE:
		if (word >= INTERFACES || d->owner[word] != c) r = EINVAL;
		else d->owner[word] = NULL;
		break;
	case USBDEVFS_SETINTERFACE: {
		struct usbdevfs_setinterface *s = (void *)data->data;
		guint8 head[4] = {d->bus, d->num, s->interface, s->altsetting};
		say('N', head, sizeof head, NULL, 0);
		break;
	}
	case USBDEVFS_CLEAR_HALT: {
		guint8 head[3] = {d->bus, d->num, word};
		say('H', head, sizeof head, NULL, 0);
		break;
	}
	case USBDEVFS_SETCONFIGURATION:
		break;
	case USBDEVFS_IOCTL: // drivers of the kernel come and go; none comes back here
		r = ENODATA;
		break;
	case USBDEVFS_SUBMITURB:
		r = submit(d, c, data);
		break;
	default:
		r = ENOTTY;
	}
	g_object_unref(data);
	return r;
}

static gboolean onIoctl(UMockdevIoctlBase *h, UMockdevIoctlClient *c, gpointer p) {
	g_rec_mutex_lock(&lock);
	int e = answer(p, c);
	umockdev_ioctl_client_complete(c, e ? -1 : 0, e);
	g_rec_mutex_unlock(&lock);
	return TRUE;
}

// onVanished: the host closed the node, or died. The kernel then kills its transfers and frees its interfaces.
static void onVanished(UMockdevIoctlBase *h, UMockdevIoctlClient *c, gpointer p) {
	g_rec_mutex_lock(&lock);
	Device *d = p;
	for (int i = 0; i < INTERFACES; i++)
		if (d->owner[i] == c) d->owner[i] = NULL;
	for (GList *l = d->urbs.head, *next; l; l = next) {
		next = l->next;
		Urb *u = l->data;
		if (u->client != c) continue;
		if (!u->done) discard(d, u->addr);
		drop(u);
	}
	look(d);
	g_rec_mutex_unlock(&lock);
}

// plug makes the node work before sysfs shows the device: whoever finds it there may open it at once.
static const char *plug(Device *d, const char *description) {
	GError *e = NULL;
	char *path = g_strconcat(umockdev_testbed_get_root_dir(bed), d->node, NULL), *dir = g_path_get_dirname(path);
	gboolean made = !g_mkdir_with_parents(dir, 0755) && !mkfifo(path, 0666) && (d->fifo = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)) >= 0 && fcntl(d->fifo, F_SETPIPE_SZ, 4096) >= 0;
	g_free(dir);
	d->path = path;
	if (!made) return strerror(errno);
	d->ready = TRUE;
	show(d, FALSE);
	d->handler = umockdev_ioctl_base_new();
	g_signal_connect(d->handler, "handle-ioctl", G_CALLBACK(onIoctl), d);
	g_signal_connect(d->handler, "client-vanished", G_CALLBACK(onVanished), d);
	if (!umockdev_testbed_attach_ioctl(bed, d->node, d->handler, &e)) return e->message;
	g_hash_table_insert(devices, GUINT_TO_POINTER(d->bus << 8 | d->num), d);
	if (!umockdev_testbed_add_from_string(bed, description, &e)) return e->message;
	umockdev_testbed_uevent(bed, d->sys, "add");
	return NULL;
}

static void unplug(Device *d) {
	d->gone = TRUE;
	GList *all = g_list_copy(d->urbs.head);
	for (GList *l = all; l; l = l->next) {
		Urb *u = l->data;
		if (!u->done) finish(u, -ESHUTDOWN, 0, NULL);
	}
	g_list_free(all);
	look(d);
	g_hash_table_remove(devices, GUINT_TO_POINTER(d->bus << 8 | d->num));
	umockdev_testbed_uevent(bed, d->sys, "remove");
	umockdev_testbed_remove_device(bed, d->sys);
	unlink(d->path);
	// The record stays, and so does the socket behind the node: a host that has found or holds it still asks.
}

static void obey(char kind, const guint8 *p, guint32 n) {
	if (kind == 'A' && n > 6) {
		Device *d = g_new0(Device, 1);
		d->bus = p[0];
		d->num = p[1];
		memcpy(&d->drivers, p + 2, 4);
		d->node = g_strdup_printf("/dev/bus/usb/%03d/%03d", d->bus, d->num);
		const char *text = (const char *)p + 6; // the first line says where it is in sysfs, the rest ends in NUL
		d->sys = g_strndup(text, strcspn(text, "\n"));
		char *at = d->sys;
		d->sys = g_strconcat("/sys", at + 3, NULL);
		g_free(at);
		const char *wrong = plug(d, text);
		if (wrong) say('e', wrong, strlen(wrong), NULL, 0);
		else say('a', "", 0, NULL, 0);
	} else if (kind == 'R' && n == 2) {
		Device *d = named(p);
		if (d) unplug(d);
		say('r', "", 0, NULL, 0);
	} else if (kind == 'C' && n >= 16) {
		guint64 id;
		gint32 status;
		guint32 actual;
		memcpy(&id, p, 8);
		memcpy(&status, p + 8, 4);
		memcpy(&actual, p + 12, 4);
		GHashTableIter i;
		gpointer d;
		g_hash_table_iter_init(&i, devices);
		while (g_hash_table_iter_next(&i, NULL, &d))
			for (GList *l = ((Device *)d)->urbs.head; l; l = l->next) {
				Urb *u = l->data;
				if (u->id != id || u->done) continue;
				finish(u, status, actual, g_bytes_new(p + 16, n - 16));
				look(d);
				return;
			}
	} else fprintf(stderr, "usb bus: message %c of %u bytes\n", kind, n);
}

static gboolean whole(void *to, gsize n) {
	for (gsize at = 0; at < n;) {
		ssize_t r = read(CHANNEL, (char *)to + at, n - at);
		if (r < 0 && errno == EINTR) continue;
		if (r <= 0) return FALSE;
		at += r;
	}
	return TRUE;
}

static gint ended; // the line is gone; it may be so before main waits for anything

static gpointer hear(gpointer none) {
	guint32 n;
	while (whole(&n, 4) && n > 0 && n < 1 << 24) {
		guint8 *m = g_malloc(n + 1);
		m[n] = 0;
		if (!whole(m, n)) break;
		g_rec_mutex_lock(&lock);
		obey(m[0], m + 1, n - 1);
		g_rec_mutex_unlock(&lock);
		g_free(m);
	}
	g_atomic_int_set(&ended, 1);
	g_main_context_wakeup(NULL);
	return none;
}

int main(void) {
	devices = g_hash_table_new(NULL, NULL);
	bed = umockdev_testbed_new();
	const char *root = umockdev_testbed_get_root_dir(bed);
	say('B', root, strlen(root), NULL, 0);
	g_thread_unref(g_thread_new("hear", hear, NULL));
	while (!g_atomic_int_get(&ended)) g_main_context_iteration(NULL, TRUE);
	g_object_unref(bed); // takes its folder away
	// Whoever was killed could not tidy up.
	char *program = g_build_filename(g_get_tmp_dir(), "bus", NULL);
	unlink(program);
	rmdir(g_get_tmp_dir());
	return 0;
}
