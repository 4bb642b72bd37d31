namespace Cilium.Bpf.InProcess.Elf;

/// <summary>Reads the maps that <c>.maps</c> declares by BTF: each member of a variable's structure says one property.</summary>
internal sealed class MapDefinitions(string name, ElfFile file, Btf btf)
{
    private const string SectionName = ".maps";
    private const int PageBytes = 4096;

    /// <exception cref="BpfObjectException">A definition makes no sense.</exception>
    internal List<MapPlan> Read()
    {
        var maps = new List<MapPlan>();
        if (file.Find(SectionName) is not { } section)
            return maps;
        foreach (var variable in btf.Variables(SectionName))
        {
            var (shape, inner) = Define(variable.Name, variable.TypeId, isInner: false);
            maps.Add(new MapPlan(new MapDeclaration(variable.Name, shape, false, inner), section.Index, variable.Offset, null));
        }
        if (maps.Count == 0 && section.Size > 0)
            throw new BpfObjectException(name, SectionName, "", "the maps are not described by BTF");
        return maps;
    }

    private (MapShape Shape, MapShape? Inner) Define(string map, int typeId, bool isInner)
    {
        var definition = btf.StructOrNull(typeId) ?? throw Bad(map, "its definition is not a structure");
        var type = MapType.Unspecified;
        int key = 0, value = 0;
        uint entries = 0, flags = 0;
        MapShape? inner = null;
        foreach (var member in definition.Members)
        {
            switch (member.Name)
            {
                case "type": type = (MapType)Number(map, member); break;
                case "max_entries": entries = Number(map, member); break;
                case "map_flags": flags = Number(map, member); break;
                case "key_size": key = (int)Number(map, member); break;
                case "value_size": value = (int)Number(map, member); break;
                case "key": key = SizeOfTarget(map, member); break;
                case "value": value = SizeOfTarget(map, member); break;
                case "values" when !isInner && type is MapType.ArrayOfMaps or MapType.HashOfMaps:
                    var pointee = btf.Resolve(btf.TargetOf(btf.Resolve(btf.ArrayAt(btf.Resolve(member.TypeId)).Element)));
                    inner = Define(map, pointee, isInner: true).Shape;
                    break;
                case "values" or "pinning" or "numa_node" or "map_extra":
                    break;
                default:
                    throw Bad(map, $"the engine does not know the property {member.Name}");
            }
        }
        if (type is MapType.ArrayOfMaps or MapType.HashOfMaps or MapType.ProgArray or MapType.PerfEventArray)
            (key, value) = (key == 0 ? 4 : key, 4);
        if (type == MapType.RingBuffer && entries > 0)
            entries = System.Numerics.BitOperations.RoundUpToPowerOf2(Math.Clamp(entries, PageBytes, 1u << 31));
        return (new MapShape(type, key, value, entries, (MapFlags)flags), inner);
    }

    private uint Number(string map, BtfMember member)
    {
        var array = btf.Resolve(btf.TargetOf(btf.Resolve(member.TypeId)));
        return btf.KindOf(array) == BtfKind.Array ? (uint)btf.ArrayAt(array).Length : throw Bad(map, $"its {member.Name} is not a number");
    }

    private int SizeOfTarget(string map, BtfMember member)
    {
        var size = btf.SizeOf(btf.TargetOf(btf.Resolve(member.TypeId)));
        return size > 0 ? size : throw Bad(map, $"its {member.Name} has no size");
    }

    private BpfObjectException Bad(string map, string reason) => new(name, SectionName, map, reason);
}
