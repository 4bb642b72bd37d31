namespace Cilium.Bpf.Native;

/// <summary>Walks the kernel's ids of one kind of object.</summary>
internal static class KernelIds
{
    internal static unsafe IEnumerable<uint> Walk(delegate*<uint, uint*, int> next, string call)
    {
        LibBpfLog.Silence();
        var ids = new List<uint>();
        var id = 0u;
        while (true)
        {
            var result = next(id, &id);
            if (result == -Errno.NoEntry)
                return ids;
            if (result < 0)
                throw new KernelException(call, -result, $"after id {id}");
            ids.Add(id);
        }
    }
}
