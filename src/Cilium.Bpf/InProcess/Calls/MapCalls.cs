using Cilium.Bpf.InProcess.Maps;
using Cilium.Bpf.InProcess.Memory;

namespace Cilium.Bpf.InProcess.Calls;

/// <summary>Maps, from programs.</summary>
internal static unsafe class MapCalls
{
    internal static ulong Lookup(Machine m, ulong map, ulong key, ulong c, ulong d, ulong e)
    {
        var storage = m.Map(map, 1);
        return storage.Find(m.Read(key, (uint)storage.KeyBytes, 2), m.Cpu);
    }

    internal static ulong LookupPerCpu(Machine m, ulong map, ulong key, ulong cpu, ulong d, ulong e)
    {
        var storage = m.Map(map, 1);
        var place = m.Read(key, (uint)storage.KeyBytes, 2);
        return (uint)cpu < (uint)storage.Cpus && storage.Shape.IsPerCpu ? storage.Find(place, (int)cpu) : 0;
    }

    internal static ulong Update(Machine m, ulong map, ulong key, ulong value, ulong flags, ulong e)
    {
        var storage = m.Map(map, 1);
        if (storage is MapArrayStorage or MapHashStorage or ProgramArrayStorage or RingStorage or OwnerStorage)
            m.Fault(1, $"a program cannot write {storage.Name}");
        return (ulong)(long)storage.Update(m.Read(key, (uint)storage.KeyBytes, 2), m.Read(value, (uint)storage.ValueBytes, 3), flags, m.Cpu);
    }

    internal static ulong Delete(Machine m, ulong map, ulong key, ulong c, ulong d, ulong e)
    {
        var storage = m.Map(map, 1);
        if (storage is MapArrayStorage or MapHashStorage or ProgramArrayStorage or RingStorage or OwnerStorage)
            m.Fault(1, $"a program cannot write {storage.Name}");
        return (ulong)(long)storage.Delete(m.Read(key, (uint)storage.KeyBytes, 2));
    }
}
