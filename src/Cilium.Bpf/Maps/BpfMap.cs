using System.Text;
using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>A map of the kernel, untyped: its descriptor, name, id and shape. Safe for use from many threads.</summary>
public class BpfMap : IDisposable
{
    private const int NameBytes = 16;

    /// <summary>Wraps a descriptor and asks the kernel for the map's shape.</summary>
    internal unsafe BpfMap(BpfFd fd, string? name = null)
    {
        var info = stackalloc byte[88];
        new Span<byte>(info, 88).Clear();
        var length = 88u;
        var result = LibBpf.bpf_obj_get_info_by_fd(fd, info, &length);
        if (result < 0)
        {
            fd.Dispose();
            throw new KernelException("bpf_obj_get_info_by_fd", -result, name ?? "map");
        }
        var words = (uint*)info;
        Fd = fd;
        Id = words[1];
        Shape = new MapShape((MapType)words[0], (int)words[2], (int)words[3], words[4], (MapFlags)words[5]);
        Name = name ?? Encoding.UTF8.GetString(new ReadOnlySpan<byte>(info + 24, NameBytes)).TrimEnd('\0');
    }

    /// <summary>Shares the descriptor of <paramref name="map"/>.</summary>
    private protected BpfMap(BpfMap map)
    {
        Fd = map.Fd;
        Id = map.Id;
        Shape = map.Shape;
        Name = map.Name;
    }

    /// <summary>The descriptor.</summary>
    public BpfFd Fd { get; }

    /// <summary>The kernel's id of the map.</summary>
    public uint Id { get; }

    /// <summary>Type, sizes, capacity and flags as the kernel has them.</summary>
    public MapShape Shape { get; }

    /// <summary>The full name in the object, or the kernel's (15 characters at most).</summary>
    public string Name { get; }

    /// <summary>Creates a map without an object.</summary>
    /// <exception cref="KernelException">The kernel refused the shape.</exception>
    public static BpfMap Create(string name, MapShape shape) => Create(name, shape, inner: null);

    /// <summary>Creates an array or hash of maps whose inner maps look like <paramref name="inner"/>.</summary>
    /// <exception cref="KernelException">The kernel refused the shape.</exception>
    public static unsafe BpfMap Create(string name, MapShape shape, BpfMap? inner)
    {
        LibBpfLog.Silence();
        var options = new LibBpf.MapCreateOptions
        {
            Size = (nuint)sizeof(LibBpf.MapCreateOptions),
            MapFlags = (uint)shape.Flags,
            InnerMapFd = inner is null ? 0 : (uint)inner.Fd.Number,
        };
        var shortName = name.Length < NameBytes ? name : name[..(NameBytes - 1)];
        var fd = LibBpf.bpf_map_create(
            (uint)shape.Type, shortName, (uint)shape.KeyBytes, (uint)shape.ValueBytes, shape.MaxEntries, &options);
        GC.KeepAlive(inner);
        return new BpfMap(BpfFd.Own(fd, "bpf_map_create", $"{name} ({shape})"), name);
    }

    /// <summary>Opens the map with a kernel id, or returns null when there is none.</summary>
    public static BpfMap? OpenByIdOrNull(uint id)
    {
        var fd = LibBpf.bpf_map_get_fd_by_id(id);
        return fd == -Errno.NoEntry ? null : new BpfMap(BpfFd.Own(fd, "bpf_map_get_fd_by_id", $"map {id}"));
    }

    /// <summary>This map with typed keys and values; both share the descriptor.</summary>
    /// <exception cref="ArgumentException">A size differs from the kernel's.</exception>
    public BpfMap<TKey, TValue> As<TKey, TValue>()
        where TKey : unmanaged
        where TValue : unmanaged => new(this);

    /// <summary>A second, independently owned descriptor of the same map.</summary>
    public BpfMap Duplicate() => new(BpfFd.Duplicate(Fd.Number, Name), Name);

    /// <inheritdoc/>
    public override string ToString() => $"{Name} (id {Id}, {Shape})";

    /// <summary>Closes the descriptor; the map lives while pinned, attached or open elsewhere.</summary>
    public void Dispose()
    {
        Fd.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected void CheckSizes(int keyBytes, int valueBytes)
    {
        if (Shape.KeyBytes != keyBytes || Shape.ValueBytes != valueBytes)
            throw new ArgumentException($"map {Name} is {Shape}; the types given are {keyBytes}->{valueBytes} bytes");
    }

    private protected KernelException Refused(string call, int result) => new(call, -result, Name);
}
