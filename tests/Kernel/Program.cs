namespace Cilium.KernelTests;

/// <summary>Runs the tests, or, for a test, a process that owns a node's datapath.</summary>
internal static class Program
{
    internal static Task<int> Main(string[] args)
    {
        if (args is [DatapathOwner.Command, .. var rest])
            return DatapathOwner.RunAsync(rest);
        return args.Contains("--server") || args.Contains("--internal-msbuild-node")
            ? Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, Kernel.SelfRegisteredExtensions.AddSelfRegisteredExtensions)
            : Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
    }
}
