using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>A map, untyped: its name, id and shape, on the engine it was made by. Safe for use from many threads.</summary>
public class BpfMap : IDisposable
{
    internal BpfMap(MapBackend backend) => Backend = backend;

    /// <summary>Shares the backend of <paramref name="map"/>.</summary>
    private protected BpfMap(BpfMap map) => Backend = map.Backend;

    /// <summary>The descriptor of a map of the kernel.</summary>
    /// <exception cref="InvalidOperationException">The map lives in this process.</exception>
    public BpfFd Fd => Backend.Fd;

    /// <summary>The engine's id of the map.</summary>
    public uint Id => Backend.Id;

    /// <summary>Type, sizes, capacity and flags as the engine has them.</summary>
    public MapShape Shape => Backend.Shape;

    /// <summary>The full name in the object, or the kernel's (15 characters at most).</summary>
    public string Name => Backend.Name;

    internal MapBackend Backend { get; }

    /// <summary>Creates a map of the kernel without an object.</summary>
    /// <exception cref="KernelException">The kernel refused the shape.</exception>
    public static BpfMap Create(string name, MapShape shape) => Create(name, shape, inner: null);

    /// <summary>Creates an array or hash of maps of the kernel whose inner maps look like <paramref name="inner"/>.</summary>
    /// <exception cref="KernelException">The kernel refused the shape.</exception>
    public static BpfMap Create(string name, MapShape shape, BpfMap? inner) => Create(name, shape, BpfEngine.Kernel, inner);

    /// <summary>Creates a map without an object on an engine.</summary>
    /// <exception cref="KernelException">The engine refused the shape.</exception>
    public static BpfMap Create(string name, MapShape shape, BpfEngine engine, BpfMap? inner = null) => new(engine.CreateMap(name, shape, inner));

    /// <summary>Opens the map of the kernel with an id, or returns null when there is none.</summary>
    public static BpfMap? OpenByIdOrNull(uint id) => KernelMap.OpenOrNull(id) is { } map ? new BpfMap(map) : null;

    /// <summary>This map with typed keys and values; both share the descriptor.</summary>
    /// <exception cref="ArgumentException">A size differs from the map's.</exception>
    public BpfMap<TKey, TValue> As<TKey, TValue>()
        where TKey : unmanaged
        where TValue : unmanaged => new(this);

    /// <summary>A second, independently owned descriptor of the same map.</summary>
    public BpfMap Duplicate() => new(Backend.Duplicate());

    /// <inheritdoc/>
    public override string ToString() => $"{Name} (id {Id}, {Shape})";

    /// <summary>Closes the descriptor; the map lives while pinned, attached or open elsewhere.</summary>
    public void Dispose()
    {
        Backend.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected void CheckSizes(int keyBytes, int valueBytes)
    {
        if (Shape.KeyBytes != keyBytes || Shape.ValueBytes != valueBytes)
            throw new ArgumentException($"map {Name} is {Shape}; the types given are {keyBytes}->{valueBytes} bytes");
    }

    private protected KernelException Refused(string call, int result) => new(call, -result, Name);
}
