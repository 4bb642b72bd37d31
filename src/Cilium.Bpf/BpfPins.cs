using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>Maps, programs and links held by files on a bpffs, which keep them alive without a process.</summary>
public static class BpfPins
{
    /// <summary>Pins a descriptor, creating the folders above; a pin that is there already is replaced in one step.</summary>
    /// <exception cref="KernelException">The path is not on a bpffs, or another error of the kernel.</exception>
    public static void Pin(BpfFd fd, string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var result = LibBpf.bpf_obj_pin(fd, path);
        if (result == -Errno.Exists)
        {
            var aside = path + "_new";
            File.Delete(aside);
            result = LibBpf.bpf_obj_pin(fd, aside);
            if (result >= 0)
                File.Move(aside, path, overwrite: true);
        }
        if (result < 0)
            throw new KernelException("bpf_obj_pin", -result, path);
    }

    /// <summary>Removes a pin. Returns false when there was none.</summary>
    public static bool Unpin(string path)
    {
        if (!File.Exists(path))
            return false;
        File.Delete(path);
        return true;
    }

    /// <summary>Opens a pinned map, or returns null when nothing is pinned there.</summary>
    public static BpfMap? OpenMapOrNull(string path) =>
        OpenOrNull(path) is { } fd ? new BpfMap(new KernelMap(fd, Path.GetFileName(path))) : null;

    /// <summary>Opens a pinned map and compares it with its declaration.</summary>
    /// <param name="path">The pin.</param>
    /// <param name="expected">The declared shape.</param>
    /// <param name="map">The map when the pin exists and is equal; otherwise null.</param>
    /// <param name="found">The shape found, also when it differs.</param>
    public static PinnedMap TryAdopt(string path, MapShape expected, out BpfMap? map, out MapShape found)
    {
        map = OpenMapOrNull(path);
        found = map?.Shape ?? default;
        if (map is null)
            return PinnedMap.Absent;
        if (found == expected)
            return PinnedMap.Equal;
        map.Dispose();
        map = null;
        return PinnedMap.Different;
    }

    internal static BpfFd? OpenOrNull(string path)
    {
        LibBpfLog.Silence();
        var fd = LibBpf.bpf_obj_get(path);
        return fd == -Errno.NoEntry ? null : BpfFd.Own(fd, "bpf_obj_get", path);
    }
}

/// <summary>How a pin compares with a declaration.</summary>
public enum PinnedMap
{
    /// <summary>Nothing is pinned.</summary>
    Absent,
    /// <summary>Type, sizes, capacity and flags are equal.</summary>
    Equal,
    /// <summary>Something differs.</summary>
    Different,
}
