using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Maps;

/// <summary>
/// A hash table of maps, each held by a reference of its own. Programs look up and get a map; user space writes a map's number, and reads it.
/// </summary>
internal sealed unsafe class MapHashStorage(InProcessEngine engine, string name, MapShape shape, MapTemplate template) : HashStorage(engine, name, shape)
{
    internal override ulong Find(byte* key, int cpu)
    {
        var record = At(key);
        return record != null && Engine.Maps[*(uint*)Records.ValueOf(record)] is { } map ? map.Handle : 0;
    }

    internal override int Update(byte* key, byte* value, ulong flags, int cpu)
    {
        var map = Engine.Maps[*(uint*)value];
        if (map is null || !map.TryHold())
            return -Errno.BadDescriptor;
        if (!template.Fits(map.Shape))
        {
            map.Release();
            return -Errno.Invalid;
        }
        MapStorage? old;
        int result;
        lock (Records)
        {
            old = MapAt(key);
            result = base.Update(key, value, flags, cpu);
        }
        (result < 0 ? map : old)?.Release();
        return result;
    }

    internal override int Delete(byte* key)
    {
        MapStorage? old;
        int result;
        lock (Records)
        {
            old = MapAt(key);
            result = base.Delete(key);
        }
        if (result >= 0)
            old?.Release();
        return result;
    }

    private protected override void LetGo()
    {
        lock (Records)
        {
            var slot = 0u;
            for (; Records.NextUsed(ref slot) is var record && record != null; slot++)
                Engine.Maps[*(uint*)Records.ValueOf(record)]?.Release();
        }
    }

    private MapStorage? MapAt(byte* key) => At(key) is var record && record != null ? Engine.Maps[*(uint*)Records.ValueOf(record)] : null;
}
