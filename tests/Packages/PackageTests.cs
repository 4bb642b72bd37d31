using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace Cilium.PackageTests;

/// <summary>The libraries packed into a folder, once for all tests.</summary>
public sealed class PackedLibraries : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cilium-packages-").FullName;

    public string Root { get; } = FindRoot();

    public string Feed => Path.Combine(_folder, "feed");

    public string Work(string name) => Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;

    /// <summary>The names of the libraries.</summary>
    public IEnumerable<string> Libraries => Directory.GetFiles(Path.Combine(Root, "src"), "*.csproj", SearchOption.AllDirectories)
        .Select(file => Path.GetFileNameWithoutExtension(file)).Where(name => name.StartsWith("Cilium.", StringComparison.Ordinal)).Order(StringComparer.Ordinal);

    public async ValueTask InitializeAsync()
    {
        // A filter of the solution makes it one call; what this project references is built already.
        var filter = Path.Combine(_folder, "libraries.slnf");
        var projects = new JsonArray([.. Libraries.Select(name => JsonValue.Create($"src/{name}/{name}.csproj"))]);
        await File.WriteAllTextAsync(
            filter, new JsonObject { ["solution"] = new JsonObject { ["path"] = Path.Combine(Root, "Cilium.sln"), ["projects"] = projects } }.ToJsonString(), CancellationToken.None);
        await RunAsync(_folder, "dotnet", "pack", filter, "-c", "Release", "--no-build", "-o", Feed, "-v", "quiet", "-nologo");
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>Runs a program, which must succeed, and returns what it prints.</summary>
    public async Task<string> RunAsync(string folder, params string[] command)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1)) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        // Packages of ours have the same version every day: they must not stay in anybody's cache.
        start.Environment["NUGET_PACKAGES"] = Path.Combine(_folder, "cache");
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        var output = await process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        await process.WaitForExitAsync(CancellationToken.None);
        Assert.True(process.ExitCode == 0, $"{string.Join(' ', command)}: exit {process.ExitCode}\n{output}{await error}");
        return output;
    }

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Cilium.sln"))) folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("not inside the repository");
        return folder;
    }
}

public sealed class PackageTests(PackedLibraries packed) : IClassFixture<PackedLibraries>
{
    [Fact]
    public void Every_library_is_a_package_with_its_documentation()
    {
        var packages = Directory.GetFiles(packed.Feed, "*.nupkg");
        Assert.Equal(packed.Libraries, packages.Select(file => Path.GetFileName(file)[..^".0.1.0.nupkg".Length]).Order(StringComparer.Ordinal));
        Assert.All(packages, file =>
        {
            using var archive = ZipFile.OpenRead(file);
            var name = Path.GetFileName(file)[..^".0.1.0.nupkg".Length];
            Assert.NotNull(archive.GetEntry($"lib/net10.0/{name}.dll"));
            Assert.NotNull(archive.GetEntry($"lib/net10.0/{name}.xml"));
            using var specification = new StreamReader(archive.GetEntry($"{name}.nuspec")!.Open());
            var text = specification.ReadToEnd();
            // The datapath's package has the compiled programs in it.
            var licence = name == "Cilium.Datapath" ? "Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause)" : "Apache-2.0";
            Assert.Contains($"<license type=\"expression\">{licence}</license>", text, StringComparison.Ordinal);
            string[] texts = name == "Cilium.Datapath" ? ["LICENSES/BSD-2-Clause.txt", "LICENSES/GPL-2.0-only.txt"] : [];
            Assert.Equal(
                texts,
                archive.Entries.Select(entry => entry.FullName).Where(entry => entry.StartsWith("LICENSES/", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
            Assert.Contains("<readme>README.md</readme>", text, StringComparison.Ordinal);
            Assert.Contains("<tags>cilium ", text, StringComparison.Ordinal);
            Assert.True(archive.GetEntry("README.md")!.Length > 100);
            using var symbols = ZipFile.OpenRead(Path.ChangeExtension(file, ".snupkg"));
            Assert.NotNull(symbols.GetEntry($"lib/net10.0/{name}.pdb"));
            Assert.DoesNotContain("<description>Package Description</description>", text, StringComparison.Ordinal);
        });
    }

    /// <summary>What a package drags along, its users drag along: the rooms at the kernel need nothing but the runtime.</summary>
    [Theory]
    [InlineData("Cilium.Bpf")]
    [InlineData("Cilium.Netlink")]
    [InlineData("Cilium.Api")]
    public void A_room_at_the_edge_needs_no_other_package(string name) => Assert.Empty(Dependencies(name));

    /// <summary>With central versions a package names what those below it need, too: that is left out.</summary>
    [Theory]
    [InlineData("Cilium.Ipam", "Cilium.Core")]
    [InlineData("Cilium.Policy", "Cilium.Core")]
    [InlineData("Cilium.Lab", "Cilium.Netlink", "YamlDotNet")]
    public void A_room_needs_no_package_that_it_does_not_use(string name, params string[] needed) =>
        Assert.Equal(needed, Dependencies(name).Except(Dependencies("Cilium.Core")));

    [Theory]
    [InlineData("ipam", "Cilium.Ipam")]
    public async Task An_example_builds_and_runs_from_the_packages(string example, string package)
    {
        var folder = packed.Work(example);
        File.Copy(Path.Combine(packed.Root, "examples", "programs", example, "Program.cs"), Path.Combine(folder, "Program.cs"));
        await File.WriteAllTextAsync(Path.Combine(folder, $"{example}.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
                <RestoreAdditionalProjectSources>{packed.Feed}</RestoreAdditionalProjectSources>
                <RestoreAdditionalProjectFallbackFolders>{Cache()}</RestoreAdditionalProjectFallbackFolders>
              </PropertyGroup>
              <ItemGroup><PackageReference Include="{package}" Version="0.1.0" /></ItemGroup>
            </Project>
            """, CancellationToken.None);
        await packed.RunAsync(folder, "dotnet", "build", "-c", "Release", "-v", "quiet", "-nologo", "-o", "out");
        Assert.True(File.Exists(Path.Combine(folder, "out", $"{package}.dll")));
        Assert.NotEmpty(await packed.RunAsync(folder, "dotnet", Path.Combine(folder, "out", $"{example}.dll")));
    }

    private List<string> Dependencies(string name)
    {
        using var archive = ZipFile.OpenRead(Path.Combine(packed.Feed, $"{name}.0.1.0.nupkg"));
        using var specification = archive.GetEntry($"{name}.nuspec")!.Open();
        return [.. XDocument.Load(specification).Descendants().Where(element => element.Name.LocalName == "dependency").Select(element => element.Attribute("id")!.Value).Order(StringComparer.Ordinal)];
    }

    /// <summary>Where the packages of others lie that this repository has restored: nothing needs to be fetched again.</summary>
    private static string Cache() =>
        Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } folder
            ? folder
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
}
