plugins {
    id("com.android.application")
    id("org.jetbrains.kotlin.android")
}

android {
    namespace = "org.overread.mobile"
    compileSdk = 35
    defaultConfig {
        applicationId = "org.overread.mobile"
        minSdk = 26
        targetSdk = 35
        versionCode = 1
        versionName = "1"
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
    kotlinOptions { jvmTarget = "17" }
}

dependencies {
    // Any version from 1.17 on reads the bundle's graphs (opset 20).
    implementation("com.microsoft.onnxruntime:onnxruntime-android:1.22.0")
}
