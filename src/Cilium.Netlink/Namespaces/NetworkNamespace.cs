using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Cilium.Netlink.Native;

namespace Cilium.Netlink;

/// <summary>
/// A network namespace, held open by a descriptor. Code of others runs in it on a thread of its own: a thread that entered a namespace never
/// returns to a pool. Safe for use from many threads.
/// </summary>
public sealed class NetworkNamespace : IDisposable
{
    private const string NamedFolder = "/run/netns";
    private const int ThreadStackBytes = 512 * 1024;
    private const int NoSuchFile = 2;
    private const int NotANamespace = 25;
    private const nuint Bind = 4096;
    private const nuint Recursive = 16384;
    private const nuint Shared = 1 << 20;

    private NetworkNamespace(FileHandle handle, string path)
    {
        Handle = handle;
        Path = path;
    }

    /// <summary>Where it was opened.</summary>
    public string Path { get; }

    internal FileHandle Handle { get; }

    /// <summary>Opens the namespace behind a file such as /run/netns/NAME or /proc/PID/ns/net.</summary>
    /// <exception cref="NetlinkException">The file does not exist or is no namespace.</exception>
    public static NetworkNamespace Open(string path) => Open(path, out var errno) ?? throw new NetlinkException("open as a network namespace", errno, path);

    /// <summary>Opens the calling thread's namespace.</summary>
    public static NetworkNamespace OpenCurrent() => Open("/proc/thread-self/ns/net");

    /// <summary>Opens the namespace of a process.</summary>
    public static NetworkNamespace OpenOfProcess(int processId) => Open($"/proc/{processId}/ns/net");

    /// <summary>Opens a named namespace, or returns null when there is none; also while it is being made or deleted, when its file is one like others.</summary>
    /// <exception cref="ArgumentException">The name is none of a file.</exception>
    /// <exception cref="NetlinkException">The file cannot be opened.</exception>
    public static NetworkNamespace? OpenNamedOrNull(string name) => Open(PathOf(name), out var errno) is { } found ? found
        : errno is NoSuchFile or NotANamespace ? null
        : throw new NetlinkException("open as a network namespace", errno, PathOf(name));

    /// <summary>The file of a named namespace, as iproute2 lays it.</summary>
    /// <exception cref="ArgumentException">The name is none of a file: empty, "." or "..", or with a slash.</exception>
    public static string PathOf(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (name is "." or ".." || name.AsSpan().ContainsAny('/', '\0'))
            throw new ArgumentException($"'{name}' cannot be the name of a network namespace", nameof(name));
        return $"{NamedFolder}/{name}";
    }

    /// <summary>Creates a namespace that lives under its name until deleted.</summary>
    /// <exception cref="ArgumentException">The name is none of a file.</exception>
    /// <exception cref="NetlinkException">The name exists already, or the kernel refused.</exception>
    public static NetworkNamespace Create(string name)
    {
        var path = PathOf(name);
        EnsureNamedFolder();
        try
        {
            using var file = new FileStream(path, FileMode.CreateNew);
        }
        catch (IOException) when (File.Exists(path))
        {
            throw new NetlinkException("create namespace", 17, path);
        }
        try
        {
            OnOwnThread<object?>(() =>
            {
                Check(Libc.unshare(Libc.CloneNewNet), "unshare(CLONE_NEWNET)", path);
                Check(Libc.mount("/proc/thread-self/ns/net", path, "none", Bind, null), "mount --bind", path);
                return null;
            });
        }
        catch (NetlinkException)
        {
            File.Delete(path);
            throw;
        }
        return Open(path);
    }

    /// <summary>Creates a namespace without a name, which ends with its last descriptor, thread and socket.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static NetworkNamespace CreateUnnamed() => OnOwnThread(() =>
    {
        Check(Libc.unshare(Libc.CloneNewNet), "unshare(CLONE_NEWNET)", "unnamed");
        return OpenCurrent();
    });

    /// <summary>Deletes a named namespace; its devices go when nobody uses it any more. Returns false when there was none.</summary>
    /// <exception cref="ArgumentException">The name is none of a file.</exception>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static bool Delete(string name)
    {
        const int detach = 2;
        const int invalid = 22;
        var path = PathOf(name);
        if (!File.Exists(path))
            return false;
        // A file that is not mounted on is the rest of a crash.
        if (Libc.umount2(path, detach) != 0 && Marshal.GetLastPInvokeError() is var errno and not invalid)
            throw new NetlinkException("umount2", errno, path);
        File.Delete(path);
        return true;
    }

    /// <summary>Runs code in the namespace on a thread of its own and returns its result or throws what it threw.</summary>
    public T Run<T>(Func<T> work) => OnOwnThread(() =>
    {
        Check(Libc.setns(Handle, Libc.CloneNewNet), "setns", Path);
        return work();
    });

    /// <summary>
    /// Runs code of this library in the namespace on the calling thread, which a CNI plugin has only one of: to make a second one takes as long as what it
    /// would do. A thread that cannot come back ends the process, for whoever it belongs to would work in a stranger's network.
    /// </summary>
    internal T Visit<T>(Func<T> work)
    {
        using var home = OpenCurrent();
        Check(Libc.setns(Handle, Libc.CloneNewNet), "setns", Path);
        try
        {
            return work();
        }
        finally
        {
            if (Libc.setns(home.Handle, Libc.CloneNewNet) != 0)
                Environment.FailFast($"setns out of {Path}: errno {Marshal.GetLastPInvokeError()}");
        }
    }

    /// <summary>Runs code in the namespace on a thread of its own.</summary>
    public void Run(Action work) => Run<object?>(() =>
    {
        work();
        return null;
    });

    /// <summary>The number the kernel gives the namespace for as long as it lives; BPF programs see the same.</summary>
    public ulong ReadCookie() => Run(ReadCurrentCookie);

    /// <summary>The cookie of the calling thread's namespace (SO_NETNS_COOKIE, Linux 5.14).</summary>
    public static unsafe ulong ReadCurrentCookie()
    {
        const int netnsCookie = 71;
        using var socket = FileHandle.Own(Libc.socket(Libc.AfInet, Libc.SockDatagram | Libc.CloseOnExec, 0), "socket", "netns cookie");
        ulong cookie;
        var length = sizeof(ulong);
        Check(Libc.getsockopt(socket, Libc.SolSocket, netnsCookie, &cookie, &length), "getsockopt(SO_NETNS_COOKIE)", "socket");
        return cookie;
    }

    /// <inheritdoc/>
    public override string ToString() => Path;

    /// <summary>Closes the descriptor.</summary>
    public void Dispose() => Handle.Dispose();

    private static unsafe NetworkNamespace? Open(string path, out int errno)
    {
        var descriptor = Libc.open(path, Libc.CloseOnExec);
        errno = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        if (errno != 0)
        {
            return null;
        }

        var handle = FileHandle.Own(descriptor, "open", path);
        var type = Libc.ioctl(handle, Libc.NamespaceType, null);
        if (type == Libc.CloneNewNet)
        {
            return new NetworkNamespace(handle, path);
        }

        errno = type < 0 ? Marshal.GetLastPInvokeError() : NotANamespace;
        handle.Dispose();
        return null;
    }

    private static void Check(int result, string call, string target)
    {
        if (result != 0)
            throw new NetlinkException(call, Marshal.GetLastPInvokeError(), target);
    }

    // The folder is a shared mount of itself, so that other mount namespaces see names come and go.
    private static void EnsureNamedFolder()
    {
        Directory.CreateDirectory(NamedFolder);
        if (Libc.mount("", NamedFolder, "none", Shared | Recursive, null) == 0)
            return;
        Check(Libc.mount(NamedFolder, NamedFolder, "none", Bind | Recursive, null), "mount --bind", NamedFolder);
        Check(Libc.mount("", NamedFolder, "none", Shared | Recursive, null), "mount --make-shared", NamedFolder);
    }

    private static T OnOwnThread<T>(Func<T> work)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    result = work();
                }
                catch (Exception e)
                {
                    failure = ExceptionDispatchInfo.Capture(e);
                }
            },
            ThreadStackBytes)
        {
            IsBackground = true,
            Name = "netns",
        };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }
}
