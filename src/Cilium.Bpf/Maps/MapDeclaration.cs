using System.Runtime.InteropServices;
using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>A map as an object declares it.</summary>
/// <param name="Name">The full name.</param>
/// <param name="Shape">Type, sizes, capacity and flags; a capacity of zero is filled in by the load.</param>
/// <param name="IsInternal">Whether it is a section of variables (<c>.rodata</c>, <c>.bss</c>) and not a map of the program's.</param>
/// <param name="Inner">The template of its inner maps, for maps of maps.</param>
public sealed record MapDeclaration(string Name, MapShape Shape, bool IsInternal, MapShape? Inner)
{
    internal static unsafe MapDeclaration Read(nint map)
    {
        var inner = LibBpf.bpf_map__inner_map(map);
        return new MapDeclaration(
            Marshal.PtrToStringUTF8((nint)LibBpf.bpf_map__name(map))!,
            ShapeOf(map),
            LibBpf.bpf_map__is_internal(map) != 0,
            inner == 0 ? null : ShapeOf(inner));
    }

    private static MapShape ShapeOf(nint map)
    {
        var type = (MapType)LibBpf.bpf_map__type(map);
        // The declaration of a map of maps may leave the sizes out: the kernel's are an index and an fd.
        var value = type is MapType.ArrayOfMaps or MapType.HashOfMaps or MapType.ProgArray ? 4 : (int)LibBpf.bpf_map__value_size(map);
        return new MapShape(
            type, (int)LibBpf.bpf_map__key_size(map), value, LibBpf.bpf_map__max_entries(map), (MapFlags)LibBpf.bpf_map__map_flags(map));
    }
}
