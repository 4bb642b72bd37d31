namespace Cilium.Bpf;

/// <summary>
/// What a map is made of, on one engine. Results below zero are negated error numbers with the meaning that <c>bpf(2)</c> gives them;
/// keys and values are as long as the shape says, values of per-CPU maps one after another, each rounded up to eight bytes.
/// </summary>
internal abstract unsafe class MapBackend : IDisposable
{
    internal abstract string Name { get; }

    internal abstract uint Id { get; }

    internal abstract MapShape Shape { get; }

    /// <summary>Values per key of a per-CPU map.</summary>
    internal abstract int Cpus { get; }

    /// <summary>The descriptor.</summary>
    /// <exception cref="InvalidOperationException">The map has none: it lives in this process.</exception>
    internal abstract BpfFd Fd { get; }

    /// <summary>What is written into a map of maps to store this map there.</summary>
    internal abstract uint Reference { get; }

    internal abstract int Lookup(void* key, void* value);

    internal abstract int Update(void* key, void* value, ulong flags);

    internal abstract int Delete(void* key);

    internal abstract int LookupAndDelete(void* key, void* value);

    internal abstract int NextKey(void* key, void* next);

    internal abstract int UpdateBatch(void* keys, void* values, uint* count, ulong flags);

    internal abstract int DeleteBatch(void* keys, uint* count);

    internal abstract int LookupBatch(void* from, void* to, void* keys, void* values, uint* count);

    /// <summary>A second, independently owned backend of the same map.</summary>
    internal abstract MapBackend Duplicate();

    /// <summary>The map of the same engine with an id, or null when there is none.</summary>
    internal abstract MapBackend? OpenByIdOrNull(uint id);

    /// <summary>The memory of a ring buffer map for its one reader.</summary>
    internal abstract RingMemory OpenRing();

    /// <inheritdoc/>
    public abstract void Dispose();
}
