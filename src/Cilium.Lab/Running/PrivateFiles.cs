namespace Cilium.Lab.Running;

/// <summary>Files and folders that nobody but their owner may read: who has a lab's token is root on its machine.</summary>
internal static class PrivateFiles
{
    private const UnixFileMode OwnersFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode OwnersFolder = OwnersFile | UnixFileMode.UserExecute;

    /// <summary>Writes a file in place of the one that may be there. It is private from the first byte on.</summary>
    public static async Task WriteAsync(string file, string content, CancellationToken cancel)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Options = FileOptions.Asynchronous };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = OwnersFile;
        // A file that is there would keep its mode, its owner and its readers.
        File.Delete(file);
        await using var writer = new StreamWriter(file, options);
        await writer.WriteAsync(content.AsMemory(), cancel);
    }

    /// <summary>Makes a folder with its parents, private also when it is there already; the parents are as usual.</summary>
    public static void CreateFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
            return;
        }

        if (Path.GetDirectoryName(folder) is { } parent) Directory.CreateDirectory(parent);
        Directory.CreateDirectory(folder, OwnersFolder);
        File.SetUnixFileMode(folder, OwnersFolder);
    }
}
