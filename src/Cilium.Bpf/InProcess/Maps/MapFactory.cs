using System.Numerics;
using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Maps;

/// <summary>Makes the storage of a shape, refusing what the kernel would refuse.</summary>
internal static class MapFactory
{
    private const int PageBytes = 4096;
    private const int MaximumKeyBytes = 512;
    private const int MaximumValueBytes = 64 << 20;
    private const uint MaximumRing = 1u << 28;
    // The kernel takes a few bytes less.
    private const int MaximumStoredBytes = ushort.MaxValue;
    private const uint MaximumSlots = 1u << 24;

    internal static MapStorage Create(InProcessEngine engine, string name, MapShape shape, MapShape? inner)
    {
        var isRing = shape.Type == MapType.RingBuffer;
        var isStorage = shape.Type is MapType.SkStorage or MapType.CgrpStorage;
        if ((shape.MaxEntries == 0) != isStorage || (!isRing && (shape.KeyBytes <= 0 || shape.ValueBytes <= 0)) || shape.KeyBytes > MaximumKeyBytes)
            throw Refused(Errno.Invalid);
        if (shape.ValueBytes > (isStorage ? MaximumStoredBytes : MaximumValueBytes) || (shape.Type is MapType.ArrayOfMaps or MapType.ProgArray && shape.MaxEntries > MaximumSlots)
            || (isRing && shape.MaxEntries > MaximumRing))
        {
            throw Refused(Errno.TooBig);
        }
        switch (shape.Type)
        {
            case MapType.Hash or MapType.LruHash or MapType.PerCpuHash or MapType.LruPerCpuHash:
                return new HashStorage(engine, name, shape);
            case MapType.Array or MapType.PerCpuArray when shape.KeyBytes == 4:
                return new ArrayStorage(engine, name, shape);
            case MapType.LpmTrie when shape.KeyBytes > LpmStorage.LengthBytes && shape.KeyBytes <= LpmStorage.LengthBytes + 256 && shape.Flags.HasFlag(MapFlags.NoPreallocation):
                return new LpmStorage(engine, name, shape);
            case MapType.RingBuffer when shape.KeyBytes == 0 && shape.ValueBytes == 0 && BitOperations.IsPow2(shape.MaxEntries) && shape.MaxEntries % PageBytes == 0:
                return new RingStorage(engine, name, shape);
            case MapType.ArrayOfMaps when shape.KeyBytes == 4 && shape.ValueBytes == 4 && inner is { } template:
                return new MapArrayStorage(engine, name, shape, new MapTemplate(template));
            case MapType.HashOfMaps when shape.ValueBytes == 4 && inner is { } template:
                return new MapHashStorage(engine, name, shape, new MapTemplate(template));
            case MapType.ProgArray when shape.KeyBytes == 4 && shape.ValueBytes == 4:
                return new ProgramArrayStorage(engine, name, shape);
            case MapType.SkStorage or MapType.CgrpStorage when shape.KeyBytes == 4 && shape.Flags == MapFlags.NoPreallocation:
                return new OwnerStorage(engine, name, shape);
            default:
                throw Refused(Errno.Invalid);
        }

        KernelException Refused(int errno) => new("map create", errno, $"{name} ({shape})");
    }
}
