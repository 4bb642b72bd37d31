using Cilium.Bpf.InProcess.Maps;
using Cilium.Bpf.InProcess.Memory;
using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Calls;

/// <summary>What programs store on sockets and control groups (Linux 6.18 net/core/bpf_sk_storage.c, kernel/bpf/bpf_cgrp_storage.c).</summary>
internal static unsafe class StorageCalls
{
    private const ulong Create = 1;

    internal static ulong GetBySocket(Machine m, ulong map, ulong socket, ulong value, ulong flags, ulong e)
    {
        var storage = StorageOf(m, map, MapType.SkStorage);
        return socket == 0 || flags > Create || CookieOf(m, socket) is not { } cookie ? 0 : Get(m, storage, cookie, value, flags);
    }

    internal static ulong DeleteBySocket(Machine m, ulong map, ulong socket, ulong c, ulong d, ulong e)
    {
        var storage = StorageOf(m, map, MapType.SkStorage);
        return socket == 0 || CookieOf(m, socket) is not { } cookie ? unchecked((ulong)-Errno.Invalid) : (ulong)(long)storage.Remove(cookie);
    }

    internal static ulong GetByGroup(Machine m, ulong map, ulong group, ulong value, ulong flags, ulong e)
    {
        var storage = StorageOf(m, map, MapType.CgrpStorage);
        if (group == 0 || flags > Create)
            return 0;
        var id = m.GroupOf(group, 2);
        // Nothing is made for a group that ends.
        return Get(m, storage, id, value, m.Engine.Owners.HasGroup(id) ? flags : 0);
    }

    internal static ulong DeleteByGroup(Machine m, ulong map, ulong group, ulong c, ulong d, ulong e)
    {
        var storage = StorageOf(m, map, MapType.CgrpStorage);
        return group == 0 ? unchecked((ulong)-Errno.Invalid) : (ulong)(long)storage.Remove(m.GroupOf(group, 2));
    }

    internal static ulong GroupFromId(Machine m, ulong id, ulong b, ulong c, ulong d, ulong e) => m.Engine.Owners.HasGroup(id) ? m.OpenGroup(id) : 0;

    internal static ulong ReleaseGroup(Machine m, ulong group, ulong b, ulong c, ulong d, ulong e)
    {
        m.CloseGroup(group, 1);
        return 0;
    }

    private static ulong Get(Machine m, OwnerStorage storage, ulong owner, ulong value, ulong flags)
    {
        if (storage.Find(owner) is var found and not 0)
            return found;
        return flags == Create ? storage.FindOrAdd(owner, value == 0 ? null : m.Read(value, (uint)storage.ValueBytes, 3)) : 0;
    }

    private static OwnerStorage StorageOf(Machine m, ulong map, MapType type)
    {
        if (m.Map(map, 1) is OwnerStorage storage && storage.Shape.Type == type)
            return storage;
        m.Fault(1, $"no map of type {type}");
        return null;
    }

    /// <summary>The number of a socket; null for what is none yet, or no more.</summary>
    private static ulong? CookieOf(Machine m, ulong socket)
    {
        if (socket == Address.Of(Address.Socket, 0) && m.SocketAddress is { } address)
            return address.Cookie;
        if (m.Sockets.At(socket) is { } found)
            return found.IsFull ? found.Cookie : null;
        m.Fault(2, "not a socket");
        return null;
    }
}
