using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Maps;

/// <summary>A map whose keys are the indices below its capacity.</summary>
internal abstract unsafe class IndexedStorage(InProcessEngine engine, string name, MapShape shape) : MapStorage(engine, name, shape)
{
    internal sealed override int NextKey(byte* key, byte* next)
    {
        var index = key == null ? uint.MaxValue : *(uint*)key;
        if (index == Shape.MaxEntries - 1)
            return -Errno.NoEntry;
        *(uint*)next = index >= Shape.MaxEntries ? 0 : index + 1;
        return 0;
    }
}
