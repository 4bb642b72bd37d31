using System.Runtime.Versioning;
using Cilium.Lab.Running;

namespace Cilium.Lab.Tests;

/// <summary>What holds a lab's token is its owner's alone.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class PrivateFilesTests : IDisposable
{
    private const UnixFileMode OwnersFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly string folder = Directory.CreateTempSubdirectory("cilium-private-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task A_file_is_its_owners_alone_also_in_place_of_one_that_was_not()
    {
        var file = Path.Combine(folder, "kubeconfig");
        await PrivateFiles.WriteAsync(file, "first", TestContext.Current.CancellationToken);
        Assert.Equal(OwnersFile, File.GetUnixFileMode(file));

        File.SetUnixFileMode(file, OwnersFile | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        using var reader = File.OpenRead(file);
        await PrivateFiles.WriteAsync(file, "second", TestContext.Current.CancellationToken);
        Assert.Equal((OwnersFile, "second"), (File.GetUnixFileMode(file), await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken)));
        // Who had the former file open does not see what comes after it.
        Assert.Equal("first", await new StreamReader(reader).ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task What_a_link_points_to_is_left_alone()
    {
        var (other, file) = (Path.Combine(folder, "other"), Path.Combine(folder, "kubeconfig"));
        await File.WriteAllTextAsync(other, "other", TestContext.Current.CancellationToken);
        File.CreateSymbolicLink(file, other);
        await PrivateFiles.WriteAsync(file, "token", TestContext.Current.CancellationToken);

        Assert.Equal("other", await File.ReadAllTextAsync(other, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_folder_is_its_owners_alone_and_its_parents_are_as_they_were()
    {
        var nodes = Path.Combine(folder, "lab", "nodes");
        for (var round = 0; round < 2; round++)
        {
            PrivateFiles.CreateFolder(nodes);
            Assert.Equal(OwnersFile | UnixFileMode.UserExecute, File.GetUnixFileMode(nodes));
            File.SetUnixFileMode(nodes, OwnersFile | UnixFileMode.UserExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        }

        Assert.True(File.GetUnixFileMode(Path.Combine(folder, "lab")).HasFlag(UnixFileMode.UserExecute));
    }
}
